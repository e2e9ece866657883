#!/usr/bin/env node
/**
 * Makes a fresh clone ready: installs what package-lock.json names if it is not installed yet, and builds
 * what is out of date. Needs nothing but Node and npm, so that `npm run demo` and `npm test` can start with it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const [major] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(
    `Node ${process.versions.node} is too old: nnunet-ts needs Node 20 or newer. Install it from nodejs.org and run the command again.`,
  );
  process.exit(1);
}

const lock = readFileSync(join(root, "package-lock.json"), "utf8");
const stamp = join(root, "node_modules/.cache/nnunet-ready.lock");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
  run("Installing dependencies (npm ci) …", "npm", ["ci"]);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}
run("Building …", process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"]);

function run(message, command, args) {
  console.error(message);
  try {
    execFileSync(command, args, {
      cwd: root,
      stdio: ["ignore", 2, 2],
      shell: process.platform === "win32",
    });
  } catch (error) {
    console.error(
      `"${command} ${args.join(" ")}" failed (exit code ${error.status ?? "unknown"}); the lines above say why.`,
    );
    process.exit(1);
  }
}

#!/usr/bin/env node
/**
 * Completes package-lock.json after `npm install` changed it:
 *
 * - adds the optional packages of other platforms that npm left out because the registry used when locking did not
 *   have them. Without them `npm ci` refuses the lock file everywhere, and a Mac or a Windows machine would miss the
 *   native parts of the test tools;
 * - gives every package that lacks it the checksum (`integrity`) that the registry publishes for that version.
 *
 * Ends with 1 and a list if a checksum cannot be had.
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const lock = JSON.parse(readFileSync(path, "utf8"));
const systems = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "ppc64", "riscv64", "s390x", "x64"];
let added = 0;

for (const [parent, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key] || lock.packages[`${parent}/${key}`]) continue;
    const words = name.split(/[-/]/);
    const os = systems.find((s) => words.includes(s));
    const cpu = processors.find((p) => words.includes(p));
    if (!os || !cpu) continue;
    const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") ? ["glibc"] : undefined;
    lock.packages[key] = { version, cpu: [cpu], ...(libc && { libc }), dev: true, optional: true, os: [os] };
    added++;
  }
}

const bare = Object.entries(lock.packages).filter(
  ([key, entry]) => /(^|\/)node_modules\//.test(key) && !entry.link && !entry.integrity,
);
const missing = [];
for (const [key, entry] of bare) {
  const name = `${entry.name ?? key.slice(key.lastIndexOf("node_modules/") + "node_modules/".length)}@${entry.version}`;
  const integrity = await publishedIntegrity(name);
  if (!integrity) missing.push(name);
  else {
    // npm writes the checksum right after the version.
    const { version, ...rest } = entry;
    lock.packages[key] = { version, integrity, ...rest };
  }
}

lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en")));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(
  `package-lock.json: ${added} packages of other platforms and ${bare.length - missing.length} checksums added`,
);
if (missing.length > 0) {
  console.error(`the registry in use has no checksum for ${missing.join(", ")}; run this again with one that has`);
  process.exit(1);
}

/** What the registry says a package's archive hashes to, such as "sha512-…"; undefined if it does not have it. */
async function publishedIntegrity(name) {
  try {
    const { stdout } = await promisify(execFile)("npm", ["view", name, "dist.integrity"], {
      shell: process.platform === "win32",
    });
    return /^sha512-\S+$/m.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}

#!/usr/bin/env node
/**
 * Packs every package as npm would publish it, installs the tarballs into an empty project, imports each of them and
 * type-checks the imports there. Local only: nothing is published. Needs a build, and the npm registry for the
 * dependencies.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const work = mkdtempSync(join(tmpdir(), "nnunet-packed-"));
const names = readdirSync(join(root, "packages"));
try {
  const packed = join(work, "packed");
  mkdirSync(packed);
  const dependencies = {};
  for (const name of names) {
    const [{ filename, files }] = JSON.parse(
      run("npm", ["pack", "--json", "--pack-destination", packed], join(root, "packages", name)),
    );
    const paths = files.map((file) => file.path);
    for (const needed of ["package.json", "README.md", "dist/index.js", "dist/index.d.ts"]) {
      if (!paths.includes(needed)) fail(`@nnunet/${name}: the tarball lacks ${needed}`);
    }
    const stray = paths.find((path) => /(^|\/)(tests|fixtures|bench)\/|\.tsbuildinfo$/.test(path));
    if (stray) fail(`@nnunet/${name}: ${stray} does not belong in the tarball`);
    dependencies[`@nnunet/${name}`] = `file:packed/${filename}`;
  }
  const project = { name: "somebody-elses", private: true, type: "module", dependencies, overrides: dependencies };
  writeFileSync(join(work, "package.json"), JSON.stringify(project));
  run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts"], work);

  const imports = names.map((name, i) => `import * as p${i} from "@nnunet/${name}";`);
  const counts = names.map((name, i) => `console.log("@nnunet/${name}", Object.keys(p${i}).length);`);
  writeFileSync(join(work, "all.ts"), `${imports.join("\n")}\n${counts.join("\n")}\n`);
  const compilerOptions = { module: "nodenext", target: "es2022", strict: true, skipLibCheck: true, types: [] };
  writeFileSync(join(work, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["all.ts"] }));
  run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "."], work);
  process.stdout.write(run(process.execPath, ["all.js"], work));
  process.stdout.write(run(join(work, "node_modules/.bin/nnunet"), ["--version"], work));
  console.log(`${names.length} packages install and import outside the repository`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function run(command, args, cwd) {
  const shell = process.platform === "win32";
  const done = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    shell,
    maxBuffer: 1 << 26,
  });
  if (done.status !== 0) fail(`"${command} ${args.join(" ")}" failed in ${cwd}:\n${done.stdout}\n${done.stderr}`);
  return done.stdout;
}

function fail(message) {
  rmSync(work, { recursive: true, force: true });
  console.error(message);
  process.exit(1);
}

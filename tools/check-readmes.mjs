#!/usr/bin/env node
/**
 * Type-checks and runs every TypeScript block of the READMEs, so that what they show keeps working.
 *
 *   node tools/check-readmes.mjs                     README.md and packages/.../README.md
 *   node tools/check-readmes.mjs packages/planner    some of them
 *
 * A block is a program of its own, run in an empty folder; one that mentions `demo/` finds the results of
 * `nnunet demo --smoke` there. A ```text block right after it is what it must print. A block marked ```ts no-run is
 * type-checked only. Needs a build (`npm run build`): the blocks use the packages as a user would.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const wanted = process.argv.slice(2);
const folders =
  wanted.length > 0 ? wanted : [".", ...readdirSync(join(root, "packages")).map((name) => `packages/${name}`)];
const work = join(root, "node_modules/.cache/readmes");
const scratch = mkdtempSync(join(tmpdir(), "nnunet-readmes-"));

rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
const blocks = folders.flatMap((folder) => blocksOf(resolve(root, folder, "README.md")));
let failures = 0;
try {
  for (const block of blocks) writeFileSync(block.source, `${block.code}\nexport {};\n`);
  compile();
  for (const block of blocks) if (block.run) run(block);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const ran = blocks.filter((block) => block.run).length;
console.log(`${blocks.length} README blocks type-checked, ${ran} run, ${failures} failed`);
process.exit(failures === 0 ? 0 : 1);

function blocksOf(path) {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8");
  const name = relative(root, dirname(path)).replaceAll("/", "-") || "root";
  return [...text.matchAll(/^```ts([^\n]*)\n([\s\S]*?)^```$(?:\s*^```text\n([\s\S]*?)^```$)?/gm)].map((match, i) => ({
    where: `${relative(root, path)}:${text.slice(0, match.index).split("\n").length}`,
    run: !match[1].includes("no-run"),
    code: match[2],
    expected: match[3],
    source: join(work, `${name}-${i + 1}.ts`),
    built: join(work, "out", `${name}-${i + 1}.js`),
  }));
}

function compile() {
  const compilerOptions = {
    composite: false,
    incremental: false,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    noUnusedLocals: false,
    customConditions: [],
    outDir: "out",
    rootDir: ".",
  };
  writeFileSync(join(work, "package.json"), `{ "type": "module" }\n`);
  const config = { extends: join(root, "tsconfig.base.json"), compilerOptions, include: ["*.ts"] };
  writeFileSync(join(work, "tsconfig.json"), JSON.stringify(config));
  const tsc = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", work], {
    cwd: root,
    encoding: "utf8",
  });
  for (const line of tsc.stdout.split("\n").filter(Boolean)) {
    const block = blocks.find(({ source }) => line.includes(relative(root, source)));
    console.error(block ? `${block.where}: ${line}` : line);
    if (/error TS/.test(line)) failures++;
  }
}

function run({ where, built, code, expected }) {
  const folder = mkdtempSync(join(scratch, "block-"));
  if (code.includes("demo/")) symlinkSync(smokeDemo(), join(folder, "demo"));
  const ran = spawnSync(process.execPath, [built], { cwd: folder, encoding: "utf8", timeout: 120_000 });
  if (ran.status !== 0) {
    failures++;
    console.error(`${where}: ended with ${ran.status ?? ran.signal}\n${ran.stderr}`);
  } else if (expected !== undefined && ran.stdout.trimEnd() !== expected.trimEnd()) {
    failures++;
    console.error(`${where}: printed\n${ran.stdout}instead of\n${expected}`);
  }
}

function smokeDemo() {
  const folder = join(scratch, "demo");
  if (existsSync(folder)) return folder;
  const bin = join(root, "packages/cli/bin/nnunet.mjs");
  const made = spawnSync(process.execPath, [bin, "demo", "--smoke", "--output", folder], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`nnunet demo --smoke failed:\n${made.stderr}`);
  return folder;
}

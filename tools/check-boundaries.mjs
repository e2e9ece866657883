#!/usr/bin/env node
/**
 * Keeps the dependency rule of the architecture: cli → pipeline → stages → core. Run by `npm run lint`.
 *
 * - a stage imports core, kernels and no other stage (except trainer, interop and inference → unet-model, and inference → preprocess)
 * - the dependencies in a package.json and the references in its tsconfig.json are those that its sources import
 * - a file that loads onnxruntime switches its telemetry off itself
 * - files are written by core/node alone, which leaves no half of one and follows no link
 * - what tests import is in dependencies or devDependencies, by which nx knows when to run them again
 * - no source file imports itself by way of others, not even a type
 * - no relative import leaves its package; only a test may borrow a helper from another package's tests or tools/fuzz
 */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const packagesFolder = join(root, "packages");
const exceptions = { trainer: ["unet-model"], inference: ["preprocess", "unet-model"], interop: ["unet-model"] };
/** These write into folders that they have just made under a random name. */
const fillsOwnFolder = [
  "packages/preprocess/src/case-store.ts",
  "packages/preprocess/src/probability-store.ts",
  "packages/io/src/files/copy-file.ts",
];
const problems = [];
const names = readdirSync(packagesFolder).filter((name) => !name.startsWith("."));

for (const name of names) {
  const folder = join(packagesFolder, name);
  const manifest = readJson(join(folder, "package.json"));
  const declared = new Set([
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.peerDependencies ?? {}),
    ...Object.keys(manifest.optionalDependencies ?? {}),
  ]);
  const imported = new Set();
  for (const file of sourceFiles(join(folder, "src"))) {
    for (const target of importsOf(file)) {
      if (target.startsWith(".")) {
        checkInside(folder, file, target);
        continue;
      }
      if (target.startsWith("node:") || builtinModules.includes(target)) continue;
      const dependency = target
        .split("/")
        .slice(0, target.startsWith("@") ? 2 : 1)
        .join("/");
      imported.add(dependency);
      if (dependency.startsWith("@nnunet/") && !mayImport(name, dependency.slice("@nnunet/".length))) {
        problems.push(`${show(file)} imports ${dependency}: ${ruleFor(name)}`);
      }
      if (!declared.has(dependency)) {
        problems.push(`${show(file)} imports ${dependency}, which packages/${name}/package.json does not list`);
      }
    }
  }
  const forTests = new Set(Object.keys(manifest.devDependencies ?? {}));
  for (const file of ["tests", "bench"].flatMap((part) => sourceFiles(join(folder, part)))) {
    for (const target of importsOf(file)) {
      const [scope, other] = target.split("/");
      const used = scope === "@nnunet" ? `@nnunet/${other}` : undefined;
      if (used && other !== name && !declared.has(used) && !forTests.has(used)) {
        problems.push(`${show(file)} imports ${used}, which is in no dependencies of packages/${name}/package.json`);
      }
      const lent = /^\.\.\/\.\.\/([\w-]+\/tests|\.\.\/tools\/fuzz)\//.test(target);
      const borrowed = lent && file.includes("/tests/");
      if (target.startsWith(".") && !borrowed) checkInside(folder, file, target);
    }
  }
  for (const file of name === "core" ? [] : sourceFiles(join(folder, "src"))) {
    const writes = /^import [^;]*\b(writeFile|appendFile|createWriteStream|copyFile|cp)(Sync)?\b[^;]*"node:fs/m;
    if (!fillsOwnFolder.includes(show(file)) && writes.test(readFileSync(file, "utf8"))) {
      problems.push(`${show(file)} writes files itself; use writeFileAtomic, appendLine, … of @nnunet/core/node`);
    }
  }
  for (const file of ["src", "bench"].flatMap((part) => sourceFiles(join(folder, part)))) {
    const text = readFileSync(file, "utf8");
    const loads = /^import (?!type )[^;]*"onnxruntime-|(?<!typeof )import\("onnxruntime-/m.test(text);
    if (loads && !/switchOffTelemetry\(\)/.test(text)) {
      problems.push(`${show(file)} loads onnxruntime and does not call switchOffTelemetry of @nnunet/core/node first`);
    }
  }
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    // Types of a package we use are needed by whoever compiles against our declarations.
    if (!imported.has(dependency) && !dependency.startsWith("@types/")) {
      problems.push(`packages/${name}/package.json lists ${dependency}, which no source file imports`);
    }
  }
  const referenced = (readJson(join(folder, "tsconfig.json")).references ?? []).map(({ path }) =>
    path.split("/").at(-1),
  );
  const workspaceImports = [...imported].filter((d) => d.startsWith("@nnunet/")).map((d) => d.slice("@nnunet/".length));
  for (const dependency of workspaceImports) {
    if (!referenced.includes(dependency)) {
      problems.push(`packages/${name}/tsconfig.json does not reference ../${dependency}, which its sources import`);
    }
  }
}

for (const name of names) reportCircles(sourceFiles(join(packagesFolder, name, "src")));

if (problems.length > 0) {
  console.error(`${problems.join("\n")}\n${problems.length} broken package boundaries`);
  process.exit(1);
}
console.log(`Package boundaries hold in ${names.length} packages`);

function mayImport(from, to) {
  if (from === to || from === "core") return false;
  if (to === "core") return true;
  if (from === "cli") return true;
  if (from === "pipeline") return to !== "cli";
  if (from === "kernels") return false;
  return to === "kernels" || (exceptions[from] ?? []).includes(to);
}

function ruleFor(name) {
  if (name === "core") return "core imports no other package";
  if (name === "kernels") return "kernels imports core alone";
  if (name === "pipeline") return "the pipeline does not know the command line";
  const more = exceptions[name] ? ` and ${exceptions[name].join(", ")}` : "";
  return `a stage takes what it needs from its neighbours as arguments; ${name} may import core, kernels${more}`;
}

function checkInside(folder, file, target) {
  if (relative(folder, resolve(dirname(file), target)).startsWith("..")) {
    problems.push(`${show(file)} imports ${target}, outside its package; import the other package by its name`);
  }
}

function importsOf(file) {
  const text = readFileSync(file, "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
  const pattern =
    /(?:^|[\s;])(?:import|export)\s+(?:[\w*{}\s,$]+\s+from\s+)?["']([^"']+)["']|(?:import|require\.resolve)\(\s*["']([^"']+)["']\s*\)/g;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2]);
}

function sourceFiles(folder) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs|js)$/.test(entry.name))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  } catch {
    return [];
  }
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function show(file) {
  return relative(root, file);
}

/** Every circle of imports once, by the way from its first file back to it. */
function reportCircles(files) {
  const imports = new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .filter((target) => target.startsWith("."))
        .map((target) => resolve(dirname(file), target)),
    ]),
  );
  const done = new Set();
  const visit = (file, way) => {
    const at = way.indexOf(file);
    if (at >= 0) problems.push(`${[...way.slice(at), file].map(show).join(" imports ")}: a circle`);
    if (at >= 0 || done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
}

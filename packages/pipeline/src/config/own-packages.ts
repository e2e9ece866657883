import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

interface Manifest {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}

/**
 * The built entry files of our packages by the names that a config imports. Beside data lies no node_modules, and a second
 * copy of a package would not know the first one's objects: so a config gets the copy that is running.
 *
 * @example ownPackages()["@nnunet/core/node"]; // "/…/core/dist/node/index.js"
 */
export function ownPackages(): Readonly<Record<string, string>> {
  return (found ??= find());
}

let found: Readonly<Record<string, string>> | undefined;

function find(): Readonly<Record<string, string>> {
  const own = fileURLToPath(new URL("../../package.json", import.meta.url));
  const { resolve } = createRequire(own);
  const names = Object.keys(read(own).dependencies).filter((name) => name.startsWith("@nnunet/"));
  const files: Record<string, string> = {};
  for (const path of [own, ...names.map((name) => resolve(`${name}/package.json`))]) {
    const { name, exports } = read(path);
    for (const [subpath, target] of Object.entries(exports)) {
      if (typeof target !== "string") files[join(name, subpath)] = join(dirname(path), target.default);
    }
  }
  return files;
}

function read(path: string): Manifest {
  return JSON.parse(readFileSync(path, "utf8")) as Manifest;
}

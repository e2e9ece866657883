import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { dirname, extname, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FileError } from "@nnunet/core";
import { createRequire } from "node:module";
import { ownPackages } from "./own-packages.ts";

/*
 * Modules that a user wrote, in TypeScript or JavaScript. Node 20 loads no TypeScript, and nowhere but beside a
 * node_modules would it find our packages (docs/decisions/0032).
 */

/**
 * Nothing is kept on disk, and every load sees the files as they are. The library is loaded where a module of a user's is:
 * no command and no worker thread without one waits for it.
 */
function loader() {
  const { createJiti } = createRequire(import.meta.url)("jiti") as typeof import("jiti");
  return createJiti(import.meta.url, {
    alias: { ...ownPackages() },
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    tsconfigPaths: false,
  });
}

/**
 * The default export of a user's module.
 *
 * @param path - absolute
 * @throws {FileError} one sentence: what cannot be read, found or understood, and where
 */
export async function importDefault(path: string): Promise<unknown> {
  const imported = await loader()
    .import<Readonly<Record<string, unknown>>>(path)
    .catch((error: unknown) => {
      throw new FileError(`${path}${lineOf(error, path)}`, `cannot be loaded: ${firstSentence(error)}`, {
        cause: error,
      });
    });
  if (!("default" in imported) || imported["default"] === undefined) {
    throw new FileError(path, "has no default export; end it with `export default defineConfig({ … })`");
  }
  return imported["default"];
}

/** The module and the files beside it that it imports, directly or not: what its behaviour is written in. */
export interface ModuleContent {
  /** Real paths; packages of a node_modules are not among them. */
  readonly files: readonly string[];
  /** Hex, over the names (relative to the module) and the bytes of all of them. */
  readonly sha256: string;
}

/** @param path - absolute; undefined is returned where it, or a file it imports, cannot be read or understood */
export function moduleContent(path: string): ModuleContent | undefined {
  const jiti = loader();
  const hashes = new Map<string, string>();
  const visit = (file: string): void => {
    if (hashes.has(file)) return;
    const bytes = readFileSync(file);
    hashes.set(file, createHash("sha256").update(bytes).digest("hex"));
    if (extname(file) === ".json") return;
    const code = jiti.transform({ source: bytes.toString("utf8"), filename: file, ts: true, async: true });
    for (const [, name] of code.matchAll(/\b(?:jitiImport|require)\(\s*["'](\.{1,2}\/[^"'\n]+)["']/g)) {
      visit(realpathSync(fileURLToPath(jiti.esmResolve(name!, { parentURL: pathToFileURL(file).href }))));
    }
  };
  try {
    const real = realpathSync(path);
    visit(real);
    const name = (file: string) => relative(dirname(real), file).split(sep).join("/");
    const listed = [...hashes].map(([file, hash]) => `${hash}  ${name(file)}\n`).sort();
    return { files: [...hashes.keys()], sha256: createHash("sha256").update(listed.join("")).digest("hex") };
  } catch {
    return undefined; // the import tells why
  }
}

/** ":12" where the stack or the message says which line of the file it was. */
export function lineOf(error: unknown, file: string): string {
  const { message = "", stack = "" } = asError(error);
  const text = `${message}\n${stack}`;
  const at = text.indexOf(`${file}:`);
  const line = /^:(\d+)/.exec(at < 0 ? "" : text.slice(at + file.length));
  if (line) return `:${line[1]}`;
  const inMessage = /Error: .*\((\d+):\d+\)/.exec(text.split("\n")[0]!);
  return inMessage ? `:${inMessage[1]}` : "";
}

/** What an error says, without the drawings and lists that some put below it. */
export function firstSentence(error: unknown): string {
  const text = asError(error).message ?? String(error);
  return text.split("\n")[0]!.trim() || "it gives no reason";
}

/** What is thrown in a module of another loader may be of another `Error` than ours. */
export function asError(error: unknown): {
  readonly name?: string;
  readonly message?: string;
  readonly stack?: string;
} {
  return typeof error === "object" && error !== null ? error : {};
}

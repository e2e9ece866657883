import { existsSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FileError, InvalidArtifactError, isNnunetError, type Stage } from "@nnunet/core";
import { defaultStages, replaceStages, type Stages } from "../stages.ts";
import { type Config, stagesOfConfig } from "./config.ts";
import { guarded } from "./guarded.ts";
import { importDefault, moduleContent } from "./module-loader.ts";
import { setOrigin } from "./stage-origin.ts";

const names = ["nnunet.config.ts", "nnunet.config.mts", "nnunet.config.mjs", "nnunet.config.js"] as const;

/**
 * The config of a folder; undefined if it has none.
 *
 * @throws {FileError} if it has several
 */
export function findConfig(folder: string): string | undefined {
  const there = names.map((name) => join(folder, name)).filter((path) => existsSync(path));
  if (there.length > 1) throw new FileError(there[1]!, `lies beside ${there[0]}; remove one of them, or name one`);
  return there[0];
}

export function existsConfig(folder: string): boolean {
  return names.some((name) => existsSync(join(folder, name)));
}

/**
 * The stages that a config file replaces, for `createPipeline`. The file is code, and runs. Worker threads load it too, so
 * that these stages run in parallel as ours do.
 *
 * @param file - `nnunet.config.ts`, `.mjs`, …
 * @throws {FileError} if it cannot be found or loaded, or exports no config
 * @throws {InvalidArtifactError} naming the key that is wrong
 * @example const pipeline = createPipeline(await loadConfig("nnunet.config.ts"));
 */
export async function loadConfig(file: string): Promise<Partial<Stages>> {
  const path = existsSync(file) ? realpathSync(file) : resolve(file);
  if (!existsSync(path)) throw new FileError(path, "there is no such config file");
  const exported = await importDefault(path);
  if (typeof exported !== "object" || exported === null || Array.isArray(exported)) {
    throw new FileError(path, "its default export is no config; end it with `export default defineConfig({ … })`");
  }
  const content = moduleContent(path);
  const files = content?.files ?? [path];
  try {
    const own = Object.entries(exported).map(([key, value]) => [key, guardedEntry(key, value, files)] as const);
    const stages = stagesOfConfig(Object.fromEntries(own) as Config);
    replaceStages(stages); // for what it refuses
    for (const [key, stage] of Object.entries(stages) as [string, Stage | undefined][]) {
      if (stage === undefined || stage.module !== undefined || isOurs(key, stage)) continue;
      setOrigin(stage, { module: pathToFileURL(path).href, key, sha256: content?.sha256 });
    }
    return stages;
  } catch (error) {
    if (!isNnunetError(error, "INVALID_ARGUMENT")) throw error;
    const field = error.argument.replace(/^stages\.?/, "");
    throw new InvalidArtifactError(path, field, error.message.slice(error.argument.length + 2), { cause: error });
  }
}

/** What is the user's says so when it throws. */
function guardedEntry(key: string, value: unknown, files: readonly string[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isOurs(key, value)) return value;
  const { name } = value as { readonly name?: unknown };
  return guarded(value, `${key} ${JSON.stringify(name)}`, files);
}

function isOurs(key: string, stage: unknown): boolean {
  return stage === (defaultStages as unknown as Readonly<Record<string, unknown>>)[key];
}

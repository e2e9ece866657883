import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  datasetFromJson,
  fingerprintFromJson,
  modelMetadataFromOnnx,
  parseJson,
  plansFromJson,
  plansToJson,
  labelSet,
} from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import { splitsFromJson, summaryFromJson } from "@nnunet/evaluate";
import { readImage, readImageInfo } from "@nnunet/io";
import { readPreprocessedCase } from "@nnunet/preprocess";
import { readSafetensors } from "@nnunet/unet-model";
import * as seeds from "./seeds.mjs";
import { mutateBytes, mutateJson } from "./mutate.mjs";

/*
 * Every reader of files that somebody may have sent: how a mutant of one is made, and how it is read. Reading must end
 * with a value or with one of our errors.
 */

/**
 * @returns by name: `mutant(random)` gives the files of a mutant, the one to be read first; `read(folder, name)` reads it
 */
export async function fuzzTargets(scratch) {
  const ofJson = (jsons, use) => ({
    mutant: (random) => {
      const json = random.pick(jsons);
      const asText = (value) => Buffer.from(JSON.stringify(value, null, random.pick([0, 1])));
      const bytes = random.next() < 0.7 ? asText(mutateJson(json, random)) : mutateBytes(asText(json), random.next);
      return [{ name: "mutant.json", bytes }];
    },
    read: async (folder, name) => use(await readJson(join(folder, name)), name),
  });
  const ofBytes = (name, bytes, use) => ({
    mutant: (random) => [{ name, bytes: mutateBytes(bytes, random.next) }],
    read: async (folder, name, bytes) => use(bytes, join(folder, name)),
  });

  const stored = await seeds.storedCase(join(scratch, "seed"));
  const targets = {
    dataset: ofJson([seeds.datasetJson, seeds.decathlonJson], (json, path) => labelSet(datasetFromJson(json, path))),
    plans: ofJson(seeds.plansJson, (json, path) => plansToJson(plansFromJson(json, path))),
    fingerprint: ofJson([seeds.fingerprintJson], fingerprintFromJson),
    splits: ofJson([seeds.splitsJson], (json, path) => splitsFromJson(json, path, ["c1", "c2", "c3"])),
    summary: ofJson([seeds.summaryJson], summaryFromJson),
    json: ofBytes("mutant.txt", Buffer.from(JSON.stringify(seeds.datasetJson)), (bytes, path) =>
      parseJson(bytes.toString("latin1"), path),
    ),
    safetensors: ofBytes("mutant.safetensors", seeds.safetensors(), readSafetensors),
    onnx: ofBytes("mutant.onnx", seeds.onnxMetadata(), modelMetadataFromOnnx),
    zarr: {
      mutant: (random) => {
        const json = JSON.parse(stored.toString("utf8"));
        const text = Buffer.from(JSON.stringify(mutateJson(json, random)));
        return [{ name: "zarr.json", bytes: random.next() < 0.7 ? text : mutateBytes(stored, random.next) }];
      },
      read: async (folder, name, bytes) => {
        const place = join(folder, "store");
        await seeds.storedCase(place);
        writeFileSync(join(place, "c1.zarr", name), bytes);
        return readPreprocessedCase(place, "c1");
      },
    },
  };
  const all = await seeds.images();
  for (const ending of new Set(all.map((seed) => seed.ending))) {
    const ofKind = all.filter((seed) => seed.ending === ending);
    targets[ending.slice(1)] = {
      mutant: (random) => {
        const { files } = random.pick(ofKind);
        const spoilt = random.below(files.length);
        return files.map(({ name, bytes }, i) => ({
          name,
          bytes: i === spoilt ? mutateBytes(bytes, random.next) : bytes,
        }));
      },
      read: async (folder, name) => {
        const path = join(folder, name);
        await readImageInfo(path).catch(() => {});
        return readImage(path);
      },
    };
  }
  return targets;
}

/** Writes the files of a mutant into a folder; returns the name of the one to be read. */
export function place(folder, files) {
  mkdirSync(folder, { recursive: true });
  for (const { name, bytes } of files) writeFileSync(join(folder, name), bytes);
  return files[0].name;
}

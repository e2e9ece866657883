import { InvalidArtifactError } from "@nnunet/core";
import type { RandomAccess } from "../bytes/random-access.ts";
import { PickleObject } from "../pickle/pickle-values.ts";
import { unpickle } from "../pickle/unpickle.ts";
import { readRecord, readRecordPart } from "../zip/zip-content.ts";
import { readZipDirectory } from "../zip/zip-directory.ts";
import { readTensorValues } from "./read-values.ts";
import { storageFromId } from "./torch-constructors.ts";
import { type TorchFile, torchConstructors } from "./torch-file.ts";

/** A program of this length describes some hundred thousand tensors. */
const longestPickle = 64 * 2 ** 20;

/**
 * The form since torch 1.6: a zip archive of one folder with `data.pkl`, a pickle, and `data/0`, `data/1`, …, the values
 * of each storage; `byteorder` says which end comes first.
 *
 * @throws {InvalidArtifactError} as {@link openTorchFile}
 */
export async function openZippedTorchFile(source: RandomAccess): Promise<TorchFile> {
  const records = await readZipDirectory(source);
  const pickles = [...records.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    const problem = "is a zip archive, but none that torch.save wrote (it has no data.pkl in its one folder)";
    throw new InvalidArtifactError(source.path, "", problem);
  }
  const folder = pickles[0]!.slice(0, -"data.pkl".length);
  if (records.has(`${folder}constants.pkl`)) {
    const problem = "is a TorchScript program, no checkpoint; import the checkpoint that nnU-Net wrote";
    throw new InvalidArtifactError(source.path, "", problem);
  }
  const order = records.get(`${folder}byteorder`);
  const little = order === undefined || Buffer.from(await readRecord(source, order, 64)).toString() !== "big";
  const program = await readRecord(source, records.get(pickles[0]!)!, longestPickle);
  const asksFor = new Set<string>();
  const { value } = unpickle(program, source.path, {
    field: "data.pkl",
    construct: torchConstructors(asksFor),
    persistent: (id) => storageFromId(id) ?? new PickleObject(undefined, id),
  });
  return {
    value,
    asksFor: [...asksFor],
    read: async (tensor, field) => {
      const { key, count, type } = tensor.storage;
      const record = records.get(`${folder}data/${key}`);
      const size = count * type.bytes;
      if (record?.size !== size) {
        const there = record === undefined ? "there is none" : `it has ${record.size}`;
        const problem = `needs the ${size} bytes of data/${key.slice(0, 40)}, but ${there}; the file is damaged, get it again`;
        throw new InvalidArtifactError(source.path, field, problem);
      }
      const part = (from: number, length: number) => readRecordPart(source, record, from, length);
      return readTensorValues(tensor, part, little, source.path, field);
    },
  };
}

import { InvalidArtifactError } from "@nnunet/core";
import type { RandomAccess } from "../bytes/random-access.ts";
import { PickleFault } from "../pickle/pickle-bytes.ts";
import { PickleDict, PickleObject, PickleTuple } from "../pickle/pickle-values.ts";
import { unpickle } from "../pickle/unpickle.ts";
import { readTensorValues } from "./read-values.ts";
import { storageFromId } from "./torch-constructors.ts";
import { type TorchFile, torchConstructors } from "./torch-file.ts";
import { TorchStorage } from "./torch-tensor.ts";

/** The first pickle of such a file, a whole number. */
const magic = 0x1950a86a20f9469cfc6cn;
const protocol = 1001;
/** As long as a pickle of today's form may be, and the keys of its storages. */
const longestHead = 96 * 2 ** 20;

/**
 * The form before torch 1.6: five pickles (a magic number, the protocol, sizes of C types, the value, the keys of its
 * storages), then each storage as its number of elements and its values.
 *
 * @throws {InvalidArtifactError} as {@link openTorchFile}
 */
export async function openLegacyTorchFile(source: RandomAccess): Promise<TorchFile> {
  const { path } = source;
  const head = await source.read(0, Math.min(source.size, longestHead));
  if (!startsAsPickle(head)) throw otherKind(path);
  let at = 0;
  const storages = new Map<string, TorchStorage>();
  const asksFor = new Set<string>();
  const construct = torchConstructors(asksFor);
  const next = (field: string): unknown => {
    const { value, end } = unpickle(head.subarray(at), path, {
      field,
      construct,
      persistent: (id) => persistent(id, storages),
    });
    at += end;
    return value;
  };
  if (next("magic number") !== magic || next("protocol") !== protocol) throw otherKind(path);
  const system = next("system");
  const little = !(system instanceof PickleDict) || system.get("little_endian") !== false;
  const value = next("value");
  const keys = next("keys");
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) throw otherKind(path);
  const starts = new Map<string, number>();
  for (const key of keys as string[]) {
    const storage = storages.get(key);
    const size = await source.read(at, 8);
    const count = Number(new DataView(size.buffer, size.byteOffset, 8).getBigInt64(0, little));
    at += 8;
    if (storage === undefined || storage.count !== count || starts.has(key)) {
      const problem = `its storage ${key.slice(0, 40)} has another size than its tensors say; the file is damaged`;
      throw new InvalidArtifactError(path, "", problem);
    }
    starts.set(key, at);
    at += count * storage.type.bytes;
    if (at > source.size) throw new InvalidArtifactError(path, "", "is cut off; get it again");
  }
  return {
    value,
    asksFor: [...asksFor],
    read: async (tensor, field) => {
      const { key, start, type } = tensor.storage;
      const first = starts.get(key);
      if (first === undefined) throw new InvalidArtifactError(path, field, "its values are missing from the file");
      const part = (from: number, length: number) => source.read(first + start * type.bytes + from, length);
      return readTensorValues(tensor, part, little, path, field);
    },
  };
}

/** A storage, or a part of one: (…, (key of the part, first element, elements)). */
function persistent(id: unknown, storages: Map<string, TorchStorage>): unknown {
  if (id instanceof PickleTuple && id.items[0] === "module") return id.items[1]; // a class, whose source stood beside it
  const storage = storageFromId(id);
  if (storage === undefined) return new PickleObject(undefined, id);
  const known = storages.get(storage.key);
  if (known && (known.count !== storage.count || known.type !== storage.type)) {
    throw new PickleFault("it gives one storage two sizes");
  }
  storages.set(storage.key, storage);
  const view = id instanceof PickleTuple ? id.items[5] : undefined;
  if (!(view instanceof PickleTuple)) return storage;
  const [, start, count] = view.items;
  const fits = Number.isSafeInteger(start) && Number.isSafeInteger(count) && (start as number) >= 0;
  if (!fits || (count as number) < 0 || (start as number) + (count as number) > storage.count) {
    throw new PickleFault("it looks at a part of a storage that lies outside of it");
  }
  return new TorchStorage(storage.key, storage.type, count as number, start as number);
}

const startsAsPickle = (bytes: Uint8Array) => bytes[0] === 0x80 && bytes[1]! <= 5;

function otherKind(path: string): InvalidArtifactError {
  return new InvalidArtifactError(
    path,
    "",
    "is no checkpoint of torch: neither the zip archive nor the pickles that torch.save writes",
  );
}

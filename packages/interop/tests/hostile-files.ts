import { deflateRawSync } from "node:zlib";
import { crc32 } from "@node-rs/crc32";
import { memoryAccess } from "../src/bytes/random-access.ts";
import { zipChunks, type ZipEntry } from "../src/zip/write-zip.ts";
import { readRecord } from "../src/zip/zip-content.ts";
import { readZipDirectory } from "../src/zip/zip-directory.ts";

/** A pickle program of pieces: texts are operations as Latin-1, numbers single bytes. */
export function program(...pieces: (string | number | Uint8Array)[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) =>
      typeof piece === "string" ? Buffer.from(piece, "latin1") : typeof piece === "number" ? Buffer.of(piece) : piece,
    ),
  );
}

/** BINUNICODE */
export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return Buffer.concat([Buffer.from("X"), size, bytes]);
}

/** BININT */
export function int(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write("J");
  bytes.writeInt32LE(value, 1);
  return bytes;
}

export function zip(entries: readonly ZipEntry[]): Buffer {
  return Buffer.concat([...zipChunks(entries)]);
}

/** What torch.save would write around a pickle. */
export function torchZip(pickle: Uint8Array, more: readonly ZipEntry[] = []): Buffer {
  return zip([{ name: "x/data.pkl", content: pickle }, { name: "x/version", content: Buffer.from("3\n") }, ...more]);
}

/** A dictionary `{ network_weights: { w: tensor } }` whose tensor is given as a program. */
export function weightsPickle(tensor: Uint8Array): Buffer {
  return program(0x80, 2, "}", text("network_weights"), "}", text("w"), tensor, "ss.");
}

/** `torch._utils._rebuild_tensor_v2` with a storage of `count` floats named `key`. */
export function tensorProgram(
  shape: readonly number[],
  strides: readonly number[],
  { key = "0", count = 6, offset = 0 }: { key?: string; count?: number; offset?: number } = {},
): Buffer {
  const tuple = (numbers: readonly number[]) =>
    Buffer.concat([Buffer.from("("), ...numbers.map(int), Buffer.from("t")]);
  return program(
    "ctorch._utils\n_rebuild_tensor_v2\n((",
    text("storage"),
    "ctorch\nFloatStorage\n",
    text(key),
    text("cpu"),
    int(count),
    "tQ",
    int(offset),
    tuple(shape),
    tuple(strides),
    0x89,
    "ccollections\nOrderedDict\n)RtR",
  );
}

/** One deflated file in a zip archive, with any field of its headers changed. */
export function deflatedZip(
  name: string,
  content: Uint8Array,
  { promised = content.length, flags = 0, method = 8 } = {},
) {
  const packed = deflateRawSync(content, { level: 9 });
  const nameBytes = Buffer.from(name);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(flags, 2);
  common.writeUInt16LE(method, 4);
  common.writeUInt32LE(crc32(content) >>> 0, 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(promised, 18);
  common.writeUInt16LE(nameBytes.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, nameBytes, packed]);
  const central = Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, Buffer.alloc(14), nameBytes]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

/** A checkpoint whose pickle has other bytes in a place. */
export async function changedCheckpoint(
  checkpoint: Uint8Array,
  before: string | Uint8Array,
  after: string | Uint8Array,
): Promise<Buffer> {
  const source = memoryAccess(checkpoint, "checkpoint");
  const entries: ZipEntry[] = [];
  for (const record of (await readZipDirectory(source)).values()) {
    const content = await readRecord(source, record, 2 ** 24);
    entries.push({ name: record.name, content: record.name.endsWith("data.pkl") ? replaced(content) : content });
  }
  return zip(entries);

  function replaced(pickle: Uint8Array): Buffer {
    const at = Buffer.from(pickle).indexOf(before as string, 0, "latin1");
    if (at < 0) throw new Error("the checkpoint does not hold what a test would change");
    return program(pickle.subarray(0, at), after, pickle.subarray(at + before.length));
  }
}

/** The same as another trainer would leave it. */
export function trainedBy(checkpoint: Uint8Array, trainer: string, before = "nnUNetTrainer"): Promise<Buffer> {
  // between the two is a number of a memo
  const key = text("trainer_name");
  const at = Buffer.from(checkpoint).indexOf(key) + key.length;
  const between = checkpoint.subarray(at, Buffer.from(checkpoint).indexOf(text(before), at));
  return changedCheckpoint(checkpoint, program(key, between, text(before)), program(key, between, text(trainer)));
}

#!/usr/bin/env node
/**
 * Reading training patches: our reader against zarrita on the same store, on a store of one file per chunk, and memory.
 *
 *   npm run build && node packages/preprocess/bench/patch.bench.mjs
 *
 * The case (1×300×400×400 float32 and int16 labels, 288 MB) has just been written, so the page cache is warm for all.
 */
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { caseInMemory, openPreprocessedCase, writePreprocessedCase } from "@nnunet/preprocess";
import * as zarr from "zarrita";

const shape = [1, 300, 400, 400];
const voxels = 300 * 400 * 400;
const preprocessed = {
  data: Float32Array.from({ length: voxels }, (_, i) => i % 10007),
  seg: Int16Array.from({ length: voxels }, (_, i) => i % 3),
  shape,
  properties: {
    id: "case",
    geometry: { spacing: [1, 1, 1], origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] },
    originalShape: [300, 400, 400],
    transposeForward: [0, 1, 2],
    shapeBeforeCropping: [300, 400, 400],
    cropBox: [300, 400, 400].map((n) => [0, n]),
    shapeAfterCropping: [300, 400, 400],
    spacingAfterTranspose: [1, 1, 1],
    spacingAfterResampling: [1, 1, 1],
    classLocations: {},
  },
};

/** A store as zarrita wants it, on the local disk. */
function diskStore(root) {
  return {
    get: (key) =>
      readFile(join(root, key)).then(
        (b) => new Uint8Array(b.buffer, b.byteOffset, b.length),
        () => undefined,
      ),
    async getRange(key, range) {
      const handle = await open(join(root, key)).catch(() => undefined);
      if (!handle) return undefined;
      try {
        const { size } = await handle.stat();
        const length = range.suffixLength ?? range.length;
        const buffer = new Uint8Array(length);
        await handle.read(buffer, 0, length, range.offset ?? size - length);
        return buffer;
      } finally {
        await handle.close();
      }
    },
    async set(key, value) {
      await mkdir(dirname(join(root, key)), { recursive: true });
      await writeFile(join(root, key), value);
    },
  };
}

const folder = await mkdtemp(join(tmpdir(), "patch-bench-"));
console.log(
  `${new Date().toISOString()} · ${cpus().length} × ${cpus()[0].model} · node ${process.version} · load ${loadavg()[0].toFixed(1)}`,
);
try {
  await writePreprocessedCase(folder, preprocessed, "hash");
  const chunked = diskStore(join(folder, "chunked"));
  for (const [name, type, data] of [
    ["data", "float32", preprocessed.data],
    ["seg", "int16", preprocessed.seg],
  ]) {
    const array = await zarr.create(zarr.root(chunked).resolve(name), {
      shape,
      dtype: type,
      chunkShape: [1, 60, 58, 58],
      codecs: [{ name: "bytes", configuration: { endian: "little" } }],
    });
    await zarr.set(array, null, { data, shape, stride: [voxels, 160000, 400, 1] });
  }
  const arrays = async (store) =>
    Promise.all(["data", "seg"].map((n) => zarr.open.v3(zarr.root(store).resolve(n), { kind: "array" })));
  const through =
    ([data, seg]) =>
    async (start, size) => {
      const box = [null, ...start.map((s, i) => zarr.slice(s, s + size[i]))];
      const [d, s] = await Promise.all([zarr.get(data, box), zarr.get(seg, box)]);
      return { data: d.data, seg: s.data };
    };
  const ours = await openPreprocessedCase(folder, "case");
  const memory = caseInMemory(preprocessed);
  const readers = {
    ours: (...box) => ours.readPatch(...box),
    "zarrita, our store": through(await arrays(diskStore(join(folder, "case.zarr")))),
    "zarrita, a file per chunk": through(await arrays(chunked)),
    memory: (...box) => memory.readPatch(...box),
  };
  console.log(
    `${"patch".padEnd(14)}${Object.keys(readers)
      .map((n) => n.padStart(27))
      .join("")}`,
  );
  for (const size of [
    [128, 128, 128],
    [190, 205, 205],
    [1, 320, 320],
  ]) {
    const starts = Array.from({ length: 8 }, (_, i) =>
      size.map((n, a) => Math.floor(((shape[a + 1] - n) * ((i * 37 + a * 11) % 8)) / 8)),
    );
    let line = size.join("×").padEnd(14);
    for (const read of Object.values(readers)) {
      const reference = await memory.readPatch(starts[0], size);
      const first = await read(starts[0], size);
      if (Buffer.compare(Buffer.from(first.data.buffer), Buffer.from(reference.data.buffer)) !== 0)
        throw new Error("differs");
      const before = performance.now();
      for (const start of starts) await read(start, size);
      line += `${((performance.now() - before) / starts.length).toFixed(1)} ms`.padStart(27);
    }
    console.log(line);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

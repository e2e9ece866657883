#!/usr/bin/env node
/**
 * Reading a CT series of 200 slices of 512 × 512 int16: ours against SimpleITK and pydicom, in turns, each in a fresh
 * process, best of three; the voxels compared by their sum. Peak memory is that of the whole process.
 *
 *   npm run build && node packages/io/bench/read-dicom.bench.mjs
 *
 * Needs a Python with SimpleITK, pydicom and numpy (PYTHON, /usr/bin/python3 or python3); without one it prints our
 * times alone.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readImage } from "@nnunet/io";

const slices = 200;
const size = 512;
const [, script, mode, path] = process.argv;

if (mode === "child") {
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const { data } = await readImage(path);
  const seconds = (performance.now() - start) / 1000;
  const peak = process.resourceUsage().maxRSS / 1024;
  let sum = 0;
  for (const value of data) sum += value;
  const perVoxel = (peak * 2 ** 20 - before) / data.byteLength;
  console.log(JSON.stringify({ seconds, peak, perVoxel, sum }));
} else {
  const folder = join(mkdtempSync(join(tmpdir(), "read-dicom-")), "series");
  try {
    writeSeries(folder);
    compare(folder);
  } finally {
    rmSync(join(folder, ".."), { recursive: true, force: true });
  }
}

function compare(folder) {
  const reference = fileURLToPath(new URL("./reference-dicom.py", import.meta.url));
  const python = [process.env.PYTHON, "/usr/bin/python3", "python3"].find(
    (p) => p && spawnSync(p, ["-c", "import SimpleITK, pydicom"]).status === 0,
  );
  if (!python) console.warn("No Python with SimpleITK and pydicom found: their rows are left out.");
  const readers = {
    ours: [process.execPath, script, "child", folder],
    ...(python && { SimpleITK: [python, reference, "sitk", folder], pydicom: [python, reference, "pydicom", folder] }),
  };
  console.log(
    `${new Date().toISOString()} · ${cpus().length} × ${cpus()[0].model} · node ${process.version} · load ${loadavg()[0].toFixed(1)}`,
  );
  console.log(`${size} × ${size} × ${slices} int16, ${(slices * size * size * 2) / 1e6} MB of voxels`);
  const runs = Object.fromEntries(Object.keys(readers).map((name) => [name, []]));
  for (let i = 0; i < 3; i++) for (const [name, command] of Object.entries(readers)) runs[name].push(run(command));
  const best = (name, key) => Math.min(...runs[name].map((result) => result[key]));
  for (const name of Object.keys(readers)) {
    if (runs[name][0].sum !== runs.ours[0].sum) throw new Error(`${name} reads other voxels`);
    const ratio = name === "ours" ? "" : `, ${(best(name, "seconds") / best("ours", "seconds")).toFixed(2)} × our time`;
    console.log(
      `${name.padEnd(10)} ${best(name, "seconds").toFixed(2)} s, peak ${best(name, "peak").toFixed(0)} MB${ratio}`,
    );
  }
  console.log(`above what the process had before: ${best("ours", "perVoxel").toFixed(2)} × the voxels`);
}

function run([command, ...args]) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command}: ${error ?? signal ?? stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** Explicit little endian, slope 1, intercept −1024, names in another order than the places. */
function writeSeries(folder) {
  mkdirSync(folder);
  const pixels = new Uint16Array(size * size);
  for (let z = 0; z < slices; z++) {
    for (let i = 0; i < pixels.length; i++) pixels[i] = ((i % size) * 5 + Math.floor(i / size) * 3 + z * 7) % 4096;
    const number = (value) => Buffer.from(Uint16Array.of(value).buffer);
    const body = [
      element(0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
      element(0x0008, 0x0018, "UI", `1.2.3.${z}`),
      element(0x0008, 0x0060, "CS", "CT"),
      element(0x0020, 0x000e, "UI", "1.2.3"),
      element(0x0020, 0x0032, "DS", `-200\\-200\\${z * 1.5}`),
      element(0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0"),
      element(0x0028, 0x0002, "US", number(1)),
      element(0x0028, 0x0004, "CS", "MONOCHROME2"),
      element(0x0028, 0x0010, "US", number(size)),
      element(0x0028, 0x0011, "US", number(size)),
      element(0x0028, 0x0030, "DS", "0.75\\0.75"),
      element(0x0028, 0x0100, "US", number(16)),
      element(0x0028, 0x0101, "US", number(12)),
      element(0x0028, 0x0102, "US", number(11)),
      element(0x0028, 0x0103, "US", number(0)),
      element(0x0028, 0x1052, "DS", "-1024"),
      element(0x0028, 0x1053, "DS", "1"),
      element(0x7fe0, 0x0010, "OW", Buffer.from(pixels.buffer)),
    ];
    const meta = Buffer.concat([
      element(0x0002, 0x0002, "UI", "1.2.840.10008.5.1.4.1.1.2"),
      element(0x0002, 0x0003, "UI", `1.2.3.${z}`),
      element(0x0002, 0x0010, "UI", "1.2.840.10008.1.2.1"),
    ]);
    const length = element(0x0002, 0x0000, "UL", Buffer.from(Uint32Array.of(meta.length).buffer));
    const file = Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), length, meta, ...body]);
    writeFileSync(join(folder, `IM${String((z * 37) % slices).padStart(4, "0")}`), file);
  }
}

function element(group, number, type, value) {
  const text = typeof value === "string" ? Buffer.from(value) : value;
  const content = text.length % 2 === 0 ? text : Buffer.concat([text, Buffer.from(type === "UI" ? "\0" : " ")]);
  const header = Buffer.alloc(type === "OW" ? 12 : 8);
  header.writeUInt16LE(group, 0);
  header.writeUInt16LE(number, 2);
  header.write(type, 4, "latin1");
  if (type === "OW") header.writeUInt32LE(content.length, 8);
  else header.writeUInt16LE(content.length, 6);
  return Buffer.concat([header, content]);
}

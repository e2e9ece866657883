#!/usr/bin/env node
/**
 * Memory and time of `nnunet predict` against voxels and classes: made-up CTs of 512 × 512 × n voxels of 16 bits, a small
 * untrained U-Net, no mirroring, patches side by side. Each run is a process of its own; its peak is the resident memory as
 * the operating system measures it, from reading to writing. Limits: within the bound, and 104 classes take no more than
 * 1.1 times the memory of 24.
 *
 *   npm run build && node packages/inference/bench/large-images.bench.mjs            all runs, an hour on two cores
 *   node packages/inference/bench/large-images.bench.mjs 800x24 800x104              slices × classes
 *   BOUND=none node packages/inference/bench/large-images.bench.mjs 100x24           without --max-memory
 *   SVG=memory.svg node packages/inference/bench/large-images.bench.mjs …            draws the runs
 */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { svgDocument, svgText } from "@nnunet/core";
import { randomModelBytes } from "./random-model.mjs";

const bound = process.env.BOUND ?? "1.5";
const wanted = process.argv.slice(2);
const runs = (wanted.length > 0 ? wanted : ["100x4", "100x24", "200x24", "400x24", "800x24", "800x104"]).map((text) =>
  text.split("x").map(Number),
);
const nnunet = fileURLToPath(new URL("../../cli/bin/nnunet.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nnunet-large-"));
const peaks = new Map();
const points = [];
try {
  console.log("| slices | classes | voxels, millions | peak, GB | seconds |\n|---|---|---|---|---|");
  for (const [slices, classes] of runs) {
    const image = join(folder, `${slices}.nii`);
    const model = join(folder, `${classes}.onnx`);
    if (!existsSync(image)) writeImage(image, slices);
    if (!existsSync(model)) {
      writeFileSync(
        model,
        randomModelBytes({ patchSize: [64, 64, 64], features: 4, classes, averaging: "probabilities" }),
      );
    }
    const out = join(folder, "out.nii.gz");
    rmSync(out, { force: true });
    const args = ["predict", "-i", image, "-o", out, "-m", model, "--no-mirroring", "--step-size", "1"];
    const started = performance.now();
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [nnunet, ...args, ...(bound === "none" ? [] : ["--max-memory", bound])],
      { encoding: "utf8", maxBuffer: 1e8 },
    );
    const peak = /([\d.]+) GB of memory at the peak/.exec(stderr + stdout)?.[1];
    if (status !== 0 || peak === undefined) throw new Error(`${args.join(" ")}: ${status}\n${stderr}${stdout}`);
    const seconds = (performance.now() - started) / 1000;
    peaks.set(`${slices}x${classes}`, Number(peak));
    points.push({ voxels: (slices * 512 * 512) / 1e6, classes, peak: Number(peak), seconds });
    console.log(
      `| ${slices} | ${classes} | ${((slices * 512 * 512) / 1e6).toFixed(0)} | ${peak} | ${seconds.toFixed(0)} |`,
    );
    if (Number(peak) > Number(bound)) fail(`more than the bound of ${bound} GB`);
  }
  if (process.env.SVG) writeFileSync(process.env.SVG, drawn(points));
  const [few, many] = ["800x24", "800x104"].map((run) => peaks.get(run));
  if (few && many) {
    console.log(`104 classes take ${(many / few).toFixed(2)} times the memory of 24`);
    if (many > 1.1 * few) fail("more than 1.1 times");
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function fail(text) {
  console.error(text);
  process.exitCode = 1;
}

/** Memory and time against voxels, a line per number of classes. */
function drawn(points) {
  const [width, height, left, top] = [330, 220, 60, 50];
  const colours = ["#1f5fa8", "#c2571a", "#2b8a3e", "#7b3fa0"];
  const classNumbers = [...new Set(points.map(({ classes }) => classes))].sort((a, b) => a - b);
  const widest = Math.max(...points.map(({ voxels }) => voxels));
  const panel = (what, heading, x0) => {
    const highest = 1.1 * Math.max(...points.map((point) => point[what]));
    const place = (point) => [x0 + (point.voxels / widest) * width, top + height - (point[what] / highest) * height];
    const axes = `<path d="M${x0} ${top}V${top + height}H${x0 + width}" fill="none" stroke="#888888"/>`;
    const ticks = [0.25, 0.5, 0.75, 1].flatMap((part) => [
      svgText(x0 + part * width, top + height + 16, (part * widest).toFixed(0), { anchor: "middle" }),
      svgText(x0 - 6, top + height - part * height + 4, String(Number((part * highest).toPrecision(2))), {
        anchor: "end",
      }),
    ]);
    const lines = classNumbers.flatMap((classes, i) => {
      const own = points.filter((point) => point.classes === classes).sort((a, b) => a.voxels - b.voxels);
      const at = own.map(place);
      const line = `<polyline points="${at.map((xy) => xy.map((v) => v.toFixed(1)).join(",")).join(" ")}" fill="none" stroke="${colours[i % 4]}" stroke-width="2"/>`;
      const dots = at.map(
        ([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3.5" fill="${colours[i % 4]}"/>`,
      );
      return [line, ...dots];
    });
    return [axes, svgText(x0, top - 14, heading, { bold: true }), ...ticks, ...lines];
  };
  const second = left + width + 80;
  const below = top + height + 40;
  const legend = classNumbers.map((classes, i) =>
    svgText(left + i * 110, below + 20, `● ${classes} classes`, { colour: colours[i % 4], bold: true }),
  );
  return svgDocument("Memory and time of nnunet predict", second + width + 30, below + 36, [
    ...panel("peak", "peak of the memory, GB", left),
    ...panel("seconds", "seconds", second),
    svgText(left + width / 2, below - 4, "millions of voxels", { anchor: "middle" }),
    svgText(second + width / 2, below - 4, "millions of voxels", { anchor: "middle" }),
    ...legend,
  ]);
}

/** Something round with noise, never 0, slice by slice into a NIfTI file. */
function writeImage(path, slices) {
  const header = new DataView(new ArrayBuffer(352));
  header.setInt32(0, 348, true);
  for (const [i, n] of [3, 512, 512, slices, 1, 1, 1, 1].entries()) header.setInt16(40 + 2 * i, n, true);
  header.setInt16(70, 4, true); // int16
  header.setInt16(72, 16, true);
  for (const [i, n] of [1, 1, 1, 1].entries()) header.setFloat32(76 + 4 * i, n, true);
  header.setFloat32(108, 352, true);
  header.setUint8(123, 2); // mm
  header.setInt16(254, 1, true); // sform
  for (const row of [0, 1, 2]) header.setFloat32(280 + 16 * row + 4 * row, 1, true);
  for (const [i, code] of [0x6e, 0x2b, 0x31, 0].entries()) header.setUint8(344 + i, code);
  const file = openSync(path, "w");
  writeSync(file, new Uint8Array(header.buffer));
  const slice = new Int16Array(512 * 512);
  for (let z = 0, noise = 1; z < slices; z++) {
    for (let i = 0; i < slice.length; i++) {
      noise = (noise * 1103515245 + 12345) & 0x7fffffff;
      const r = Math.hypot((i >> 9) - 256, (i & 511) - 256);
      slice[i] = 100 + (r < 150 ? 900 : 0) + ((noise >> 16) & 63);
    }
    writeSync(file, new Uint8Array(slice.buffer));
  }
  closeSync(file);
}

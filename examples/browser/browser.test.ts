import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { createVolume, type Volume } from "@nnunet/core";
import { loadModel, predictImage } from "@nnunet/inference";
import { readImage, readLabels, writeImage } from "@nnunet/io";
import { importForeign } from "@nnunet/pipeline";
import { type Browser, chromium, type Page } from "playwright-core";
import { dicomSlice, writeSeries } from "../../packages/io/tests/dicom-files.ts";

/*
 * The page in a real browser. A model that the real nnU-Net trained segments an image there and in Node; whatever the browser
 * asks of another host goes to a proxy that counts.
 */

jest.setTimeout(120_000);

const browsers = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
const executable =
  process.env["CHROMIUM"] ?? browsers.map((name) => `/usr/bin/${name}`).find((path) => existsSync(path));
if (!executable) console.warn("browser tests skipped: there is no Chromium in /usr/bin, and CHROMIUM names none");
const testInBrowser = executable ? test : test.skip;

const fixture = fileURLToPath(
  new URL("../../packages/interop/tests/fixtures/models/plain-3d-two-folds/", import.meta.url),
);
const imagePath = join(fixture, "images", "test_0000.nii.gz");
const servers: ChildProcess[] = [];
const foreign: string[] = [];
let scratch: string;
let modelPath: string;
let proxy: Server;
let browser: Browser;
/** The page as it should be served, and by a server that does not allow threads. */
let isolated: string;
let plain: string;

async function serve(...args: string[]): Promise<string> {
  const script = fileURLToPath(new URL("serve.mjs", import.meta.url));
  const out = ["--port", "0", "--out", join(scratch, "page")];
  const child = spawn(process.execPath, [script, ...out, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  servers.push(child);
  let said = "";
  for await (const text of child.stdout) {
    said += text;
    const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(said)?.[0];
    if (address) return address;
  }
  throw new Error(`the server ended: ${said}`);
}

beforeAll(async () => {
  if (!executable) return;
  scratch = await mkdtemp(join(tmpdir(), "nnunet-page-"));
  modelPath = join(scratch, "model.onnx");
  await importForeign(join(fixture, "model"), modelPath);
  isolated = await serve();
  plain = await serve("--no-build", "--no-isolation");
  proxy = createServer((request, response) => {
    foreign.push(request.url ?? "");
    response.writeHead(502).end();
  });
  proxy.on("connect", (request, socket) => {
    foreign.push(request.url ?? "");
    socket.destroy();
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  browser = await chromium.launch({
    executablePath: executable,
    proxy: { server: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, bypass: "127.0.0.1" },
    args: ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  });
});
afterEach(async () => {
  await Promise.all(browser?.contexts().map((context) => context.close()) ?? []);
});
afterAll(async () => {
  await browser?.close();
  for (const child of servers) child.kill();
  proxy?.close();
  if (scratch) await rm(scratch, { recursive: true, force: true });
});

async function open(url: string, prepare = ""): Promise<Page> {
  const page = await browser.newPage();
  page.on("request", (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(url)) foreign.push(request.url());
  });
  page.on("pageerror", (error) => foreign.push(`an error that nobody caught: ${error.message}`));
  if (prepare) await page.addInitScript(prepare);
  await page.goto(url);
  return page;
}

async function segment(page: Page, ...files: string[]): Promise<void> {
  await page.setInputFiles("#drop input", files);
  await page.click("#start:enabled");
  await page.waitForSelector("#result:visible, #segment .problem:visible");
}

/** Voxels where the page's label is not Node's although Node gives its own 1e-4 more, of classes numbered as their labels. */
function beyondTies(seen: Volume, { segmentation, probabilities }: Awaited<ReturnType<typeof predictImage>>): number[] {
  const score = (label: number, i: number) => probabilities!.data[label * seen.data.length + i]!;
  return Array.from(seen.data.keys()).filter((i) => {
    const [theirs, ours] = [seen.data[i]!, segmentation.data[i]!];
    return theirs !== ours && !(score(ours, i) - score(theirs, i) < 1e-4);
  });
}

const problem = (page: Page, view = "#segment") => page.textContent(`${view} .problem`);

testInBrowser("the page segments as Node does, shows it, and asks no other host", async () => {
  const page = await open(isolated);
  expect(await page.evaluate("crossOriginIsolated")).toBe(true);
  expect(await page.textContent("#device option:checked")).toMatch(/^CPU, \d+ threads?$|^GPU/);
  await page.selectOption("#device", "cpu");
  await segment(page, modelPath, imagePath);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  expect(download.suggestedFilename()).toBe("test_segmentation.nii.gz");
  const path = join(scratch, "downloaded.nii.gz");
  await download.saveAs(path);
  const seen = await readImage(path);

  const model = await loadModel(modelPath);
  const stored = await readImage(imagePath);
  const image = createVolume(Float32Array.from(stored.data), stored.shape, stored.geometry);
  const expected = await predictImage([model], { id: "test", image }, { probabilities: true });
  await model.dispose();
  expect(seen.shape).toEqual(expected.segmentation.shape);
  expect(seen.geometry.spacing).toEqual(stored.geometry.spacing);
  expect(seen.geometry.origin).toEqual(stored.geometry.origin);
  expect(seen.geometry.direction).toEqual(stored.geometry.direction);
  expect(beyondTies(seen, expected)).toEqual([]);
  expect(new Set(seen.data).size).toBe(3);

  const counts = await page.textContent("#result tbody");
  const shell = Array.from(seen.data).filter((label) => label === 1).length;
  expect(counts).toContain(`shell${shell.toLocaleString("en")}`);
  expect(await page.textContent("#image dd")).toContain("20 × 22 × 18 voxels of 1 × 1 × 1 mm");
  await page.waitForSelector(".viewer[data-segmented]");
  expect(foreign).toEqual([]);
});

testInBrowser("a DICOM folder gives the voxels of Node, as NIfTI and as a DICOM segmentation object", async () => {
  const stored = await readImage(imagePath);
  const [, nz, ny, nx] = stored.shape;
  const slices = Array.from({ length: nz }, (_, z) => {
    const own = stored.data.subarray(z * ny * nx, (z + 1) * ny * nx);
    const pixels = Int16Array.from(own, (value) => Math.round(10 * value) + 1024);
    return dicomSlice({ rows: ny, columns: nx, pixels, position: [3, 4, 2 * z], frameOfReference: "1.2.77" });
  });
  const folder = writeSeries(join(scratch, "Knie"), slices);
  await writeFile(join(folder, "notes.txt"), "notes");
  const page = await open(isolated);
  await page.selectOption("#device", "cpu");
  await page.setInputFiles("#folder", folder);
  await page.waitForSelector('#image dd:has-text("voxels")');
  expect(await page.textContent("#image dd")).toContain(
    `Knie (${nz + 1} files)20 × 22 × 18 voxels of 0.5 × 0.75 × 2 mm`,
  );
  await segment(page, modelPath);
  expect(await page.textContent("#segment .notes")).toContain("passed over notes.txt, which is no DICOM");
  const save = async (link: string, name: string) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(link)]);
    expect(download.suggestedFilename()).toBe(name);
    await download.saveAs(join(scratch, name));
    return readLabels(join(scratch, name));
  };
  const seen = await save("#download", "Knie_segmentation.nii.gz");
  const object = await save("#download-dicom", "Knie_segmentation.dcm");

  const model = await loadModel(modelPath);
  const series = await readImage(folder);
  const image = createVolume(Float32Array.from(series.data), series.shape, series.geometry);
  const expected = await predictImage([model], { id: "Knie", image }, { probabilities: true });
  await model.dispose();
  expect(seen.geometry.origin).toEqual(series.geometry.origin);
  expect(beyondTies(seen, expected)).toEqual([]);
  // Slices without a label are not in the object.
  const first = Math.round((object.geometry.origin[2] - series.geometry.origin[2]) / series.geometry.spacing[0]);
  const part = seen.data.subarray(first * ny * nx, first * ny * nx + object.data.length);
  expect(Array.from(object.data)).toEqual(Array.from(part));
  expect(seen.data.filter((label) => label !== 0)).toHaveLength(object.data.filter((label) => label !== 0).length);
  expect(foreign).toEqual([]);
});

testInBrowser(
  "of several series and volumes in a DICOM folder the one is segmented that the user chooses",
  async () => {
    const stack = (seriesUid: string, count: number, rows: number, columns: number) =>
      Array.from({ length: count }, (_, z) => {
        const pixels = Int16Array.from({ length: rows * columns }, (_, i) => 1024 + ((i * (z + 3)) % 97));
        return dicomSlice({ seriesUid, rows, columns, pixels, position: [0, 0, 2 * z], frameOfReference: "1.2.77" });
      });
    const slices = [...stack("1.2.1", 18, 22, 20), ...stack("1.2.2", 16, 24, 20), ...stack("1.2.2", 14, 26, 20)];
    const page = await open(isolated);
    await page.selectOption("#device", "cpu");
    await page.setInputFiles("#drop input", modelPath);
    await page.setInputFiles("#folder", writeSeries(join(scratch, "Study"), slices));
    await page.waitForSelector("#choice:visible");
    expect(await page.textContent("#image dd")).toBe("Study (48 files)3 series or volumes; choose one");
    expect(await page.locator("#choice option").allTextContents()).toEqual([
      "choose one",
      "CT 1.2.1: 18 slices",
      expect.stringMatching(/^CT 1\.2\.2, 20 × 24 pixels.*: 16 slices$/),
      expect.stringMatching(/^CT 1\.2\.2, 20 × 26 pixels.*: 14 slices$/),
    ]);
    expect(await page.isEnabled("#start")).toBe(false);
    for (const [option, size, name] of [
      ["2", "20 × 26 × 14", "Study series 3 2_segmentation.nii.gz"],
      ["0", "20 × 22 × 18", "Study series 1_segmentation.nii.gz"],
    ] as const) {
      await page.selectOption("#choice select", option);
      await page.waitForSelector(`#image dd:has-text("${size} voxels")`);
      expect(await page.isVisible("#result")).toBe(false);
      await page.click("#start:enabled");
      await page.waitForSelector("#result:visible, #segment .problem:visible");
      expect(await page.getAttribute("#download", "download")).toBe(name);
    }
    await page.setInputFiles("#drop input", imagePath);
    await page.waitForSelector('#image dd:has-text("20 × 22 × 18 voxels of 1 × 1 × 1 mm")');
    expect(await page.isVisible("#choice")).toBe(false);
    expect(foreign).toEqual([]);
  },
);

testInBrowser("without threads and without WebGPU it works, and says so", async () => {
  const page = await open(plain, "delete Navigator.prototype.gpu");
  expect(await page.textContent("#device option:checked")).toBe("CPU, 1 thread (the server does not allow more)");
  expect(await page.textContent("#device option:disabled")).toBe("GPU: this browser has no WebGPU");
  await segment(page, modelPath, imagePath);
  expect(await page.textContent("#result tbody")).toContain("core");
  expect(foreign).toEqual([]);
});

testInBrowser("what is wrong with the files is one sentence", async () => {
  const page = await open(isolated);
  const bytes = await readFile(modelPath);
  const give = async (name: string, buffer: Buffer) => {
    await page.setInputFiles("#drop input", { name, mimeType: "", buffer });
  };
  const spoilt = Buffer.from(bytes);
  spoilt[bytes.length >> 1]! ^= 1;
  await give("spoilt.onnx", spoilt);
  await page.waitForSelector("#segment .problem:visible");
  expect(await problem(page)).toMatch(/^spoilt\.onnx → .+(again|damaged).*$/);
  expect(await page.isEnabled("#start")).toBe(false);

  const two = join(scratch, "two.nii.gz");
  const stored = await readImage(imagePath);
  const data = new Int16Array(2 * stored.data.length);
  await writeImage(two, createVolume(data, [2, stored.shape[1], stored.shape[2], stored.shape[3]], stored.geometry));
  await segment(page, modelPath, two);
  expect(await problem(page)).toBe("two.nii.gz: case two has 2 channels, the model names 1 (MRI); correct one of them");

  const image = await readFile(imagePath);
  await give("cut.nii.gz", image.subarray(0, image.length >> 1));
  await page.click("#start:enabled");
  await page.waitForSelector("#segment .problem:visible");
  expect(await problem(page)).toMatch(
    /^cut\.nii\.gz: the gzip data are damaged, cut off or in several parts \(.+\); get the file again, or decompress it$/,
  );

  await give("picture.tif", image);
  await page.waitForSelector('#segment .problem:has-text("picture")');
  expect(await problem(page)).toBe(
    "picture.tif is not read here: the page takes .nii, .nii.gz and DICOM; “nnunet predict” reads every other format",
  );
  await give("slice.dcm", dicomSlice().subarray(0, 400));
  await page.waitForSelector('#image dd:has-text("slice.dcm")');
  await page.click("#start:enabled");
  await page.waitForSelector('#segment .problem:has-text("slice")');
  expect(await problem(page)).toMatch(
    /^slice\.dcm: the file ends in the middle of an element; it is cut off, get it again$/,
  );
  expect(foreign).toEqual([]);
});

testInBrowser("work can be cancelled in the middle, and begun again", async () => {
  const page = await open(isolated);
  const large = join(scratch, "large.nii.gz");
  const geometry = { spacing: [1, 1, 1], origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as const;
  await writeImage(
    large,
    createVolume(
      Int16Array.from({ length: 96 ** 3 }, (_, i) => i % 97),
      [1, 96, 96, 96],
      geometry,
    ),
  );
  await page.selectOption("#device", "cpu");
  await page.setInputFiles("#drop input", [modelPath, large]);
  await page.click("#start:enabled");
  await page.waitForSelector("#work progress[value]");
  await page.click("#cancel");
  await page.waitForSelector("#start:enabled:visible");
  expect(await page.isVisible("#segment .problem")).toBe(false);
  expect(await page.isVisible("#result")).toBe(false);
  await segment(page, imagePath);
  expect(await page.textContent("#result tbody")).toContain("shell");
});

testInBrowser("what is shown and found is always of the image that is named", async () => {
  const page = await open(isolated);
  const large = join(scratch, "first.nii.gz");
  const geometry = { spacing: [1, 1, 1], origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as const;
  await writeImage(large, createVolume(new Int16Array(96 ** 3).fill(1, 9), [1, 96, 96, 96], geometry));
  await page.selectOption("#device", "cpu");
  await page.setInputFiles("#drop input", [modelPath, large]);
  await page.waitForSelector(".viewer:not([data-empty])");
  await page.click("#start:enabled");
  await page.waitForSelector("#work progress[value]");
  // Another image in the middle of the work: it ends, and nothing of it appears under the other's name.
  await page.setInputFiles("#drop input", imagePath);
  await page.waitForSelector('#image dd:has-text("20 × 22 × 18 voxels")');
  await page.waitForSelector("#start:enabled:visible");
  expect([await page.isVisible("#result"), await page.isVisible("#segment .problem")]).toEqual([false, false]);
  await page.click("#start:enabled");
  await page.waitForSelector(".viewer[data-segmented]");
  expect(await page.getAttribute("#download", "download")).toBe("test_segmentation.nii.gz");
  // One that cannot be shown leaves no other in its place.
  await page.setInputFiles("#drop input", { name: "b.nii", mimeType: "", buffer: Buffer.alloc(400) });
  await page.waitForSelector("#segment .notes:visible");
  expect(await page.isVisible(".viewer[data-empty]")).toBe(true);
  expect(foreign).toEqual([]);
});

testInBrowser("a fingerprint becomes a plan with its reasons", async () => {
  const page = await open(isolated);
  const numbers = { max: 900, mean: 105, median: 99, min: 0, percentile_00_5: 5, percentile_99_5: 300, std: 40 };
  const files = {
    "dataset_fingerprint.json": {
      foreground_intensity_properties_per_channel: { 0: numbers },
      median_relative_size_after_cropping: 1,
      shapes_after_crop: Array(20).fill([115, 320, 232]),
      spacings: Array(20).fill([1.37, 1.25, 1.25]),
    },
    "dataset.json": {
      channel_names: { 0: "MRI" },
      labels: { background: 0, atrium: 1 },
      numTraining: 20,
      file_ending: ".nii.gz",
    },
  };
  for (const [name, json] of Object.entries(files)) {
    await writeFile(join(scratch, name), JSON.stringify(json));
    await page.setInputFiles("#drop input", join(scratch, name));
  }
  await page.waitForSelector("#download-plan:visible");
  expect(await page.textContent("#reading .table")).toContain("80 × 192 × 160");
  expect(await page.textContent("#reading .prose")).toContain("One voxel size for all images");
  await page.selectOption("#rules", "v2");
  expect(await page.inputValue("#memory")).toBe("8");
  expect(await page.textContent("#reading .prose")).toContain("nnUNetPlans");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download-plan")]);
  expect(download.suggestedFilename()).toBe("nnUNetPlans.json");
  await page.setInputFiles("#plan input[type=file]", { name: "x.json", mimeType: "", buffer: Buffer.from("{\n,") });
  await page.waitForSelector("#plan .problem:visible");
  expect(await problem(page, "#plan")).toMatch(
    /^x\.json: not valid JSON \(line 2, column 1: .+\); correct or remake it$/,
  );
  expect(foreign).toEqual([]);
});

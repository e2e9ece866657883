import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { axisAlignedGeometry, createRandom, createVolume, datasetToJson, type VolumeShape } from "@nnunet/core";
import { writeJsonAtomic } from "@nnunet/core/node";
import { openProbabilities, writeProbabilities } from "@nnunet/preprocess";
import { writeImage } from "@nnunet/io";
import { pointwise, tinyMetadata, tinyModelBytes } from "../../inference/tests/tiny-model.ts";
import { contents } from "./folder-contents.ts";
import { tinyTraining, writeMadeDataset } from "./made-dataset.ts";
import { nnunet } from "./run-nnunet.ts";

// A run takes seconds, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

const bin = fileURLToPath(new URL("../bin/nnunet.mjs", import.meta.url));
const built = existsSync(new URL("../dist/index.js", import.meta.url));

/** Of results, kB: full while probabilities of validation cases are written, and while the predictor's label maps are. */
const sizes = [308, 356];

/** A file system of the given size, in a mount namespace of its own: nothing of it is seen or left outside. */
function onSmallDisk(folder: string, kilobytes: number, command: string) {
  const script = `mount -t tmpfs -o size=${kilobytes}k tmpfs "$0" && { ${command}; code=$?; echo "left:"; find "$0" -mindepth 1 | sort; exit $code; }`;
  return spawnSync("unshare", ["-rm", "sh", "-c", script, folder], { encoding: "utf8" });
}

const reason = !built
  ? "packages/cli is not built (npm run build)"
  : spawnSync("unshare", ["-rm", "sh", "-c", 'mount -t tmpfs -o size=64k tmpfs "$0"', tmpdir()]).status !== 0
    ? "this machine does not let us mount a small file system (unshare -rm)"
    : "";
if (reason) console.warn(`disk-full tests skipped: ${reason}`);
const describeWhereMountable = reason ? describe.skip : describe;

describeWhereMountable("a full disk", () => {
  let scratch = "";
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "nnunet-full-"));
    await writeMadeDataset(join(scratch, "raw"));
    await mkdir(join(scratch, "disk"));
    const roots = ["--raw", join(scratch, "raw"), "--preprocessed", join(scratch, "preprocessed")];
    for (const command of ["fingerprint", "plan"]) expect((await nnunet(command, "8", ...roots)).code).toBe(0);
    // a Decathlon-like copy for convert
    await cp(join(scratch, "raw", "Dataset008_Made"), join(scratch, "Task08_Made"), { recursive: true });
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  test("preprocess: one sentence that names the file, exit code 3, no case that looks finished", () => {
    const disk = join(scratch, "disk");
    const { status, stdout, stderr } = onSmallDisk(
      disk,
      48,
      `cp -r "${join(scratch, "preprocessed")}"/* "$0"; "${process.execPath}" "${bin}" preprocess 8 -c 3d_fullres --raw "${join(scratch, "raw")}" --preprocessed "$0"`,
    );
    const sentences = stderr.split("\n").filter((line) => line.startsWith("nnunet:"));
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toContain(disk);
    expect(sentences[0]).toContain("could not be written: the disk is full; free some space and run the command again");
    expect(status).toBe(3);
    expect(stdout.split("left:\n")[1]).not.toContain(".tmp");
  });

  test("fingerprint: nothing is left of a file that did not fit", () => {
    const disk = join(scratch, "disk");
    const { status, stdout, stderr } = onSmallDisk(
      disk,
      4,
      `"${process.execPath}" "${bin}" fingerprint 8 --raw "${join(scratch, "raw")}" --preprocessed "$0"`,
    );
    expect(stderr).toContain("the disk is full; free some space and run the command again");
    expect(status).toBe(3);
    expect(stdout.split("left:\n")[1]).not.toContain(".tmp");
    expect(stdout.split("left:\n")[1]).not.toContain("dataset_fingerprint.json");
  });

  test("ensemble: probabilities that do not fit leave nothing half-written, and the inputs as they were", async () => {
    const shape: VolumeShape = [2, 20, 40, 40];
    const random = createRandom(4, "disk-full");
    const inputs = ["a", "b"].map((name) => join(scratch, name));
    for (const input of inputs) {
      await writeProbabilities(
        input,
        "x",
        { shape, geometry: axisAlignedGeometry([1, 1, 1]), contentHash: "" },
        async (write) => {
          for (let c = 0; c < 2; c++) await write(Float32Array.from({ length: 32_000 }, () => random.uniform()));
        },
      );
    }
    const json = { channelNames: ["MRI"], labels: { background: 0, a: 1 }, numTraining: 0, fileEnding: ".nii.gz" };
    await writeJsonAtomic(join(scratch, "a", "dataset.json"), datasetToJson(json));
    const { status, stdout, stderr } = onSmallDisk(
      join(scratch, "disk"),
      120,
      `"${process.execPath}" "${bin}" ensemble "${inputs[0]}" "${inputs[1]}" -o "$0/out" --probabilities`,
    );
    expect(stderr.split("\n").filter((line) => line.startsWith("nnunet:"))).toHaveLength(1);
    expect(stderr).toContain(
      "x.zarr: could not be written: the disk is full; free some space and run the command again",
    );
    expect(status).toBe(3);
    expect(stdout.split("left:\n")[1]).not.toMatch(/\.tmp|x\.zarr|nii/);
    for (const input of inputs) expect((await openProbabilities(input, "x")).shape).toEqual(shape);
  });

  describe("predict", () => {
    const images = 6;
    beforeAll(async () => {
      const network = pointwise([[0], [9], [0]], [0, -18, -99], 3);
      await writeFile(join(scratch, "model.onnx"), tinyModelBytes(tinyMetadata([8, 16, 16]), network, 3));
      await mkdir(join(scratch, "images"));
      const random = createRandom(5, "disk-full");
      for (let k = 0; k < images; k++) {
        const data = Float32Array.from({ length: 20 * 40 * 40 }, () => 2 + random.normal());
        const image = createVolume(data, [1, 20, 40, 40], axisAlignedGeometry([1, 1, 1]));
        await writeImage(join(scratch, "images", `case_${k}.nii.gz`), image);
      }
    });
    const command = (more: string) =>
      `"${process.execPath}" "${bin}" predict -i "${join(scratch, "images")}" -m "${join(scratch, "model.onnx")}" ${more}`;

    test.each([
      ["segmentations", "", 40],
      ["probabilities as images", "--save-probabilities", 1500],
      ["probabilities as nnU-Net has them", "--save-probabilities npz", 1500],
      ["probabilities to be averaged", "--probabilities", 500],
    ])("%s: what is finished is kept, and nothing is half-written", (_, more, kilobytes) => {
      const disk = join(scratch, "disk");
      const { status, stdout, stderr } = onSmallDisk(disk, kilobytes, command(`-o "$0/out" --no-mirroring ${more}`));
      const failures = stderr.split("\n").filter((line) => line.startsWith("nnunet:"));
      expect([status, failures]).toEqual([
        3,
        [expect.stringMatching(/^nnunet: predict, case case_\d: .*the disk is full/)],
      ]);
      const left = stdout.split("left:\n")[1]!;
      expect(left).not.toMatch(/\.tmp|\.lock/);
      const finished = (left.match(/case_\d\.nii\.gz$/gm) ?? []).length;
      expect(finished).toBeGreaterThan(0);
      expect(finished).toBeLessThan(images);
    });

    test("a limit on the size of files is named", () => {
      const script = `mkdir -p "$0/out" && ( ulimit -f 1; ${command('-o "$0/out" --no-mirroring')} )`;
      const { status, stdout, stderr } = onSmallDisk(join(scratch, "disk"), 1000, script);
      expect(stderr).toMatch(/could not be written: it would be larger than files may be here \(ulimit -f/);
      expect(status).toBe(3);
      expect(stdout.split("left:\n")[1]).not.toMatch(/\.tmp|\.lock|nii/);
    });
  });

  test("run: whatever is being written when the disk is full, label maps and probabilities too, nothing is half-written, and it goes on from there", async () => {
    const [raw, preprocessed] = ["raw", "preprocessed"].map((name) => join(scratch, name));
    const options = [...tinyTraining, "-c", "2d", "3d_fullres", "-f", "0", "--workers", "1"];
    const run = [bin, "run", "8", ...options, "--raw", raw!, "--preprocessed", preprocessed!, "--results"];
    // always in one place, which the scores name
    const [results, kept] = ["results", "results_kept"].map((name) => join(scratch, name));
    expect((await nnunet(...run.slice(1), results!)).code).toBe(0);
    const wanted = await contents(results!);
    await rename(results!, join(scratch, "results_whole"));
    for (const kilobytes of sizes) {
      await mkdir(results!);
      const words = run.map((word) => `"${word}"`).join(" ");
      const script = `( "${process.execPath}" ${words} "$0"; code=$?; cp -r "$0" "${kept}"; exit $code )`;
      const { status, stdout, stderr } = onSmallDisk(results!, kilobytes, script);
      const left = stdout.split("left:\n")[1]!;
      const failures = stderr.split("\n").filter((line) => line.startsWith("nnunet:"));
      expect([kilobytes, status, failures]).toEqual([kilobytes, 3, [expect.stringContaining("the disk is full")]]);
      expect(left).not.toMatch(/\.tmp|\.lock/);
      await rmdir(results!);
      await rename(kept!, results!);
      const again = await nnunet(...run.slice(1), results!);
      expect([kilobytes, again.code, again.code === 0 ? "" : again.stderr]).toEqual([kilobytes, 0, ""]);
      expect([kilobytes, await contents(results!)]).toEqual([kilobytes, wanted]);
      await rm(results!, { recursive: true });
    }
  });
});

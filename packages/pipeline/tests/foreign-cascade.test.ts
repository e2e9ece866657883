import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type ZipEntry, zipChunks } from "@nnunet/interop";
import { readImage } from "@nnunet/io";
import { createPipeline, importForeign, loadPredictor } from "@nnunet/pipeline";

// Other test files may use the cores at the same time.
jest.setTimeout(240_000);

/** A cascade that nnU-Net v2 trained, and its predictions: tools/fixtures/interop/cascade.py. */
const cascade = new URL("../../interop/tests/fixtures/cascade/", import.meta.url).pathname;
const [lowres, fullres] = ["3d_lowres", "3d_cascade_fullres"].map((name) => `nnUNetTrainer__nnUNetPlans__${name}`);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-foreign-cascade-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Voxels that are decided otherwise than nnU-Net does. */
async function different(model: string, name: string, configuration = "3d_cascade_fullres"): Promise<number> {
  const output = join(folder, `predicted-${name}`);
  const predictor = await loadPredictor(model);
  try {
    await createPipeline().predict(predictor, join(cascade, "images"), output);
  } finally {
    await predictor.dispose();
  }
  const [ours, theirs] = await Promise.all(
    [join(output, "test.nii.gz"), join(cascade, "expected", configuration, "test.nii.gz")].map((path) =>
      readImage(path),
    ),
  );
  expect(new Set(theirs!.data)).toEqual(new Set([0, 1, 2]));
  return [...ours!.data].filter((label, i) => label !== theirs!.data[i]).length;
}

test("both networks of a cascade of nnU-Net decide every voxel as nnUNetv2_predict does, the first one predicted before", async () => {
  expect(await different(join(cascade, lowres!), "first", "3d_lowres")).toBe(0);
  expect(await different(join(cascade, fullres!), "second")).toBe(0);
});

test("an imported cascade is a pair of files, which gives the same voxels", async () => {
  const output = join(folder, "cascade.onnx");
  const { written } = await importForeign(join(cascade, fullres!), output);
  expect(written).toEqual([output, join(folder, "cascade.3d_lowres.onnx")]);
  expect(await different(output, "pair")).toBe(0);
  await expect(importForeign(join(cascade, fullres!), join(folder, "as-folder"))).rejects.toThrow(
    /a folder for the second network of a cascade \(3d_cascade_fullres\) is not supported; name a file that ends in \.onnx/,
  );
  rmSync(output);
  await expect(importForeign(join(cascade, fullres!), output)).rejects.toThrow(
    "cascade.3d_lowres.onnx: exists already",
  );
  expect(readdirSync(folder)).not.toContain("cascade.onnx");
});

test("a cascade in one zip archive is read from it; without its first network it is refused, and nothing is written", async () => {
  const files = readdirSync(cascade, { recursive: true, encoding: "utf8" });
  const entries: ZipEntry[] = files
    .filter((name) => name.startsWith("nnUNetTrainer") && /\.\w+$/.test(name))
    .map((name) => ({ name: `Dataset906_Cascade/${name}`, content: readFileSync(join(cascade, name)) }));
  const zip = join(folder, "cascade.zip");
  writeFileSync(zip, Buffer.concat([...zipChunks(entries)]));
  const predictor = await loadPredictor(zip, { configuration: "3d_cascade_fullres" });
  expect(predictor.members[0].previous).toHaveLength(2);
  await predictor.dispose();

  const alone = join(folder, fullres!);
  cpSync(join(cascade, fullres!), alone, { recursive: true });
  await expect(importForeign(alone, join(folder, "alone.onnx"))).rejects.toThrow(
    /is the second network of a cascade, and the first, 3d_lowres, is not beside it: expected .*__3d_lowres$/,
  );
  expect(readdirSync(folder)).not.toContain("alone.onnx");
});

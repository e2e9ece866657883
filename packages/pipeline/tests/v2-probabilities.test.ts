import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { readImage } from "@nnunet/io";
import { createPipeline } from "@nnunet/pipeline";
import { withScratch } from "./tiny-dataset.ts";

const fixtures = new URL("../../interop/tests/fixtures/probabilities/", import.meta.url).pathname;
const folderOf = (name: string) => join(fixtures, name);

test("an ensemble of probabilities that nnU-Net v2 stored decides every voxel as nnUNetv2_ensemble does, in the same place", () =>
  withScratch(async (scratch) => {
    const output = join(scratch, "out");
    const written = await createPipeline().ensemble([folderOf("a"), folderOf("b")], output, { probabilities: true });
    expect(written).toEqual([join(output, "case.nii.gz")]);
    const [ours, theirs] = await Promise.all(
      [written[0]!, join(folderOf("mean"), "case.nii.gz")].map((p) => readImage(p)),
    );
    expect([...ours!.data]).toEqual([...theirs!.data]);
    for (const key of ["spacing", "origin", "direction"] as const) {
      expect(ours!.geometry[key]).toEqual(theirs!.geometry[key]);
    }
    // what is kept of it goes on with v2's
    const mixed = await createPipeline().ensemble([output, folderOf("b")], join(scratch, "mixed"));
    expect(mixed).toHaveLength(1);
  }));

test("without the segmentation the .pkl says where a case lies; with neither, or of another grid, it is refused", () =>
  withScratch(async (scratch) => {
    const [first, second] = [join(scratch, "a"), join(scratch, "b")];
    await cp(folderOf("a"), first, { recursive: true });
    await cp(folderOf("b"), second, { recursive: true });
    await rm(join(first, "case.nii.gz"));
    const [made] = await createPipeline().ensemble([first, second], join(scratch, "out"));
    const [ours, theirs] = await Promise.all([made!, join(folderOf("mean"), "case.nii.gz")].map((p) => readImage(p)));
    expect([...ours!.data]).toEqual([...theirs!.data]);
    expect(ours!.geometry.origin).toEqual(theirs!.geometry.origin);

    await rm(join(first, "case.pkl"));
    const output = join(scratch, "other");
    await expect(createPipeline().ensemble([first, second], output)).rejects.toThrow(
      "has neither its segmentation nor case.pkl beside it, which say where it lies",
    );
    await cp(join(folderOf("odd"), "fortran.npz"), join(first, "case.npz"));
    await cp(join(folderOf("a"), "case.nii.gz"), join(first, "case.nii.gz"));
    await expect(createPipeline().ensemble([first, second], output)).rejects.toThrow(
      /a\/case\.npz: expected shape \[4,5,6\], got \[6,5,4\]; the grid of .*case\.nii\.gz, which lies beside it/,
    );
    expect(await readdir(scratch)).not.toContain("other");
  }));

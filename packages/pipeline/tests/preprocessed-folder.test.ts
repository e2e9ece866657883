import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { createPipeline, preprocessedPaths } from "@nnunet/pipeline";
import { defaultPreprocessor } from "@nnunet/preprocess";
import { preprocessTiny, withScratch } from "./tiny-dataset.ts";

test("preprocessed cases lie beside nnU-Net v2's folder of them, not in it: neither tool removes or meets what is the other's", () =>
  withScratch(async (scratch) => {
    const { folders, dataset, pipeline, plans } = await preprocessTiny(scratch);
    const { dataIdentifier } = plans.configurations["3d_fullres"]!;
    const paths = preprocessedPaths(folders, dataset.name);
    expect(await readdir(paths.folder)).not.toContain(dataIdentifier);
    const ours = await readdir(paths.cases(dataIdentifier));
    expect(ours).toHaveLength(dataset.trainingCases.length);

    // v2's store comes, and goes on its own
    const theirs = join(paths.folder, dataIdentifier);
    await mkdir(theirs);
    await writeFile(join(theirs, "tiny_0.b2nd"), "of v2");
    const [again] = await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
    expect(again).toMatchObject({ made: 0, skipped: dataset.trainingCases.length });
    expect(await readdir(theirs)).toEqual(["tiny_0.b2nd"]);
  }));

test("cases of an earlier nnunet-ts are moved out of v2's folder, not made again, and v2's stay", () =>
  withScratch(async (scratch) => {
    const { folders, dataset, pipeline, plans } = await preprocessTiny(scratch);
    const { dataIdentifier } = plans.configurations["3d_fullres"]!;
    const paths = preprocessedPaths(folders, dataset.name);
    const earlier = paths.earlierCases(dataIdentifier);
    await rename(paths.cases(dataIdentifier), earlier);
    // a preprocessor of one's own does not take them: they are not its
    const own = createPipeline({ preprocessor: { ...defaultPreprocessor, name: "mine" } }, folders);
    expect(await own.preprocess(dataset, plans, ["3d_fullres"])).toMatchObject([{ skipped: 0 }]);
    expect(await readdir(earlier)).toHaveLength(dataset.trainingCases.length);
    const moved = await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
    expect(moved).toMatchObject([{ made: 0, skipped: dataset.trainingCases.length }]);
    expect(await readdir(paths.folder)).not.toContain(dataIdentifier);

    await mkdir(earlier);
    await writeFile(join(earlier, "tiny_0.b2nd"), "of v2");
    await rename(join(paths.cases(dataIdentifier), "tiny_0.zarr"), join(earlier, "tiny_0.zarr"));
    await rename(join(paths.cases(dataIdentifier), "tiny_1.zarr"), join(earlier, "somebody_s.zarr"));
    expect(await pipeline.preprocess(dataset, plans, ["3d_fullres"])).toMatchObject([{ made: 1 }]);
    expect((await readdir(earlier)).sort()).toEqual(["somebody_s.zarr", "tiny_0.b2nd"]);
  }));

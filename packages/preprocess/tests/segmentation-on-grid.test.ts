import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import {
  axisAlignedGeometry,
  type Configuration,
  createVolume,
  type DatasetJson,
  labelSet,
  type Plans,
  type Shape3,
  type Spacing,
} from "@nnunet/core";
import { preprocessCase, segmentationOnGrid } from "@nnunet/preprocess";

interface Row {
  readonly shape: Shape3;
  readonly spacing: Spacing;
  readonly transposeForward: readonly number[];
  readonly target: Spacing;
  readonly labels: DatasetJson["labels"];
  /** Box of the image that is not zero. */
  readonly nonzero: readonly (readonly [number, number])[];
  readonly segmentation: string;
  readonly grid: Shape3;
  /** One per foreground label. */
  readonly channels: readonly string[];
}

const resampling = { order: 1, orderZ: 0, forceSeparateZ: null };
const path = join(import.meta.dirname, "fixtures/previous_stage.json");
const { cases } = JSON.parse(await readFile(path, "utf8")) as { readonly cases: readonly Row[] };

test.each(cases.map((row, index) => [index, row] as const))(
  "a first network's segmentation becomes nnU-Net v2's channels: image %i",
  (_, { shape, spacing, transposeForward, target, labels, nonzero, segmentation, grid, channels }) => {
    const [sizeZ, sizeY, sizeX] = shape;
    const inside = (at: readonly number[]) => at.every((n, axis) => n >= nonzero[axis]![0] && n < nonzero[axis]![1]);
    const image = Float32Array.from({ length: sizeZ * sizeY * sizeX }, (__, i) =>
      inside([Math.floor(i / (sizeY * sizeX)), Math.floor(i / sizeX) % sizeY, i % sizeX]) ? 1 + (i % 7) / 7 : 0,
    );
    const geometry = axisAlignedGeometry(spacing);
    const dataset = { channelNames: ["MRI"], labels, fileEnding: ".nii.gz", numTraining: 1 };
    const configuration = {
      spacing: target,
      normalizationSchemes: ["NoNormalization"],
      useMaskForNorm: [false],
      resamplingData: { ...resampling, order: 3 },
      resamplingSeg: resampling,
      normalizeBeforeResampling: true,
    } as unknown as Configuration;
    const plans = { transposeForward, foregroundIntensityPerChannel: [], configurations: { c: configuration } };
    const loaded = { id: "a", image: createVolume(image, [1, ...shape], geometry) };
    const { properties, shape: own } = preprocessCase(loaded, plans as unknown as Plans, "c", dataset);
    const found = createVolume(Int16Array.from(segmentation, Number), [1, ...shape], geometry);
    const { seg, shape: size } = segmentationOnGrid(found, properties, configuration);
    expect([size, own.slice(1)]).toEqual([grid, grid]);
    const ours = labelSet(dataset).foreground.map((label) => [...seg].map((v) => (v === label ? 1 : 0)).join(""));
    expect(ours).toEqual(channels);
  },
);

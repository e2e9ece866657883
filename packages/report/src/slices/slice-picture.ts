import type { Shape3, Spacing, VoxelArray } from "@nnunet/core";
import { quantile } from "../numbers.ts";
import type { SlicePicture } from "../report-data.ts";
import { anatomicalView, type SliceView } from "./anatomical-view.ts";
import type { ChosenSlice } from "./choose-slices.ts";
import { areaPath, outlinePath } from "./outline-path.ts";

/** Pixels along the longer side; beyond that every second, third, … is taken. */
const longestSide = 320;
/** Characters of all paths of a slice; a segmentation that is noise has more, and is drawn in fewer pixels. */
const mostPath = 200_000;
const shortestSide = 80;
/** Around the labels on the slice, so that one sees where they lie. */
const margin = { share: 0.6, mm: 15 };

/** A case as it was read, all on one grid, [z, y, x]. */
export interface SlicedCase {
  /** One channel. */
  readonly image: VoxelArray;
  readonly reference: VoxelArray;
  readonly prediction: VoxelArray;
  readonly shape: Shape3;
  readonly spacing: Spacing;
  /** Whether the spacing is one of mm. */
  readonly saysSpacing: boolean;
  /** See `Geometry`; undefined if the image does not say how it lies. */
  readonly direction: readonly number[] | undefined;
  /** Label ids, or the ids of each region. */
  readonly labels: readonly { readonly name: string; readonly ids: readonly number[] }[];
}

/** A picture without its pixels encoded: grey values, rows one after the other. */
export type DrawnSlice = Omit<SlicePicture, "png"> & { readonly grey: Uint8Array };

/**
 * Cuts a slice out of a case, cropped to the labels on it and what is around them.
 *
 * Grey values go from the slice's 1st percentile, black, to its 99th, white.
 */
export function drawSlice(sliced: SlicedCase, chosen: ChosenSlice): DrawnSlice {
  for (let side = longestSide; ; side = Math.ceil(side / 2)) {
    const drawn = drawWithin(sliced, chosen, side);
    const { missed, added, confused, outlines } = drawn;
    const paths = [
      missed,
      added,
      confused,
      ...outlines.flatMap(({ reference, prediction }) => [reference, prediction]),
    ];
    if (side <= shortestSide || paths.reduce((sum, path) => sum + path.length, 0) <= mostPath) return drawn;
  }
}

function drawWithin(sliced: SlicedCase, { across, index, shows }: ChosenSlice, side: number): DrawnSlice {
  const view = anatomicalView(sliced.direction, across);
  const cut = cutOut(sliced, view, index, side);
  const { width, height, step } = cut;
  const [reference, prediction] = [cut.take(sliced.reference), cut.take(sliced.prediction)];
  const grey = greyValues(cut.take(sliced.image));
  const masks = sliced.labels.map(({ name, ids }) => ({
    name,
    reference: reference.map((label) => Number(ids.includes(label))),
    prediction: prediction.map((label) => Number(ids.includes(label))),
  }));
  const isKnown = (label: number) => sliced.labels.some(({ ids }) => ids.includes(label));
  const difference = (matches: (expected: boolean, found: boolean) => boolean) =>
    areaPath(
      reference.map((label, i) => Number(label !== prediction[i] && matches(isKnown(label), isKnown(prediction[i]!)))),
      width,
    );
  const mm = { columns: sliced.spacing[view.columns]!, rows: sliced.spacing[view.rows]! };
  return {
    shows,
    place: `${view.plane && `${view.plane}, `}slice ${index + 1} of ${sliced.shape[across]}`,
    width,
    height,
    pixelAspect: mm.rows / mm.columns,
    pixelMm: sliced.saysSpacing ? mm.columns * step : null,
    edges: view.edges,
    grey,
    outlines: masks
      .map(({ name, ...mask }) => ({
        name,
        reference: outlinePath(mask.reference, width),
        prediction: outlinePath(mask.prediction, width),
      }))
      .filter((outline) => outline.reference !== "" || outline.prediction !== ""),
    missed: difference((expected, found) => expected && !found),
    added: difference((expected, found) => !expected && found),
    confused: difference((expected, found) => expected && found),
  };
}

function cutOut({ reference, prediction, shape, spacing }: SlicedCase, view: SliceView, index: number, side: number) {
  const strides = [shape[1] * shape[2], shape[2], 1];
  const extents = { columns: shape[view.columns]!, rows: shape[view.rows]! };
  const base = index * strides[view.across]!;
  /** Flat index of the voxel shown in a column and row of the whole slice. */
  const at = (column: number, row: number) =>
    base +
    (view.reversesColumns ? extents.columns - 1 - column : column) * strides[view.columns]! +
    (view.reversesRows ? extents.rows - 1 - row : row) * strides[view.rows]!;
  let box = { left: extents.columns, right: -1, top: extents.rows, bottom: -1 };
  for (let row = 0; row < extents.rows; row++) {
    for (let column = 0; column < extents.columns; column++) {
      const i = at(column, row);
      if (reference[i] === 0 && prediction[i] === 0) continue;
      box = {
        left: Math.min(box.left, column),
        right: Math.max(box.right, column),
        top: Math.min(box.top, row),
        bottom: Math.max(box.bottom, row),
      };
    }
  }
  if (box.right < 0) box = { left: 0, right: extents.columns - 1, top: 0, bottom: extents.rows - 1 };
  const [left, right] = widened(box.left, box.right, extents.columns, spacing[view.columns]!);
  const [top, bottom] = widened(box.top, box.bottom, extents.rows, spacing[view.rows]!);
  const step = Math.max(1, Math.ceil(Math.max(right - left, bottom - top) / side));
  const [width, height] = [Math.ceil((right - left) / step), Math.ceil((bottom - top) / step)];
  const take = (voxels: VoxelArray) =>
    Float64Array.from(
      { length: width * height },
      (_, i) => voxels[at(left + (i % width) * step, top + Math.floor(i / width) * step)]!,
    );
  return { width, height, step, take };
}

function widened(first: number, last: number, extent: number, mm: number): readonly [number, number] {
  const around = Math.round(Math.max((last - first + 1) * margin.share, margin.mm / mm));
  return [Math.max(0, first - around), Math.min(extent, last + 1 + around)];
}

function greyValues(values: Float64Array): Uint8Array {
  const known = Array.from(values).filter(Number.isFinite);
  const [black, white] = [quantile(known, 0.01) ?? 0, quantile(known, 0.99) ?? 0];
  const range = white - black || 1;
  return Uint8Array.from(values, (value) =>
    Number.isFinite(value) ? Math.max(0, Math.min(255, Math.round((255 * (value - black)) / range))) : 0,
  );
}

import type { Geometry, ModelMetadata, Shape3, Volume } from "@nnunet/core";
import { describe, expect, test } from "@jest/globals";
import { turnToRas } from "../src/turn-to-ras.ts";

type Told = Pick<ModelMetadata, "plans" | "origin">;
const model = (imageReaderWriter: string, origin: unknown = { tool: "nnU-Net v2" }) =>
  ({ plans: { imageReaderWriter }, origin }) as unknown as Told;
const turning = model("NibabelIOWithReorient");
const shape: Shape3 = [2, 3, 4];
const ras = [-1, 0, 0, 0, -1, 0, 0, 0, 1];
const geometryOf = (direction: readonly number[]): Geometry => ({
  spacing: [3, 2, 1],
  origin: [10, 20, 30],
  direction,
});

/** The 48 ways to store an image. */
const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];
const all = orders.flatMap((order) =>
  Array.from({ length: 8 }, (_, bits) => {
    const direction = new Array<number>(9).fill(0);
    for (const [axis, row] of order.entries()) direction[3 * row + axis] = bits & (1 << axis) ? -1 : 1;
    return direction;
  }),
);
const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
const tilted = [-c, s, 0, -s, -c, 0, 0, 0, 1];

/** Two channels, every voxel with a value of its own. */
function image(direction: readonly number[]): Volume<Float32Array> {
  const data = Float32Array.from({ length: 48 }, (_, i) => i);
  return { data, shape: [2, ...shape], geometry: geometryOf(direction) };
}

/** Value → where its voxel lies, LPS mm. */
function places({ data, shape: [, ...space], geometry }: Volume<Float32Array>): Map<number, number[]> {
  const { spacing, origin, direction } = geometry;
  const found = new Map<number, number[]>();
  data.forEach((value, i) => {
    const index = [i % space[2], Math.floor(i / space[2]) % space[1], Math.floor(i / (space[2] * space[1])) % space[0]];
    const at = [0, 1, 2].map((row) =>
      index.reduce((sum, n, axis) => sum + direction[3 * row + axis]! * n * spacing[2 - axis]!, origin[row]!),
    );
    found.set(
      value,
      at.map((mm) => Math.round(mm * 1e6) / 1e6 + 0),
    );
  });
  return found;
}

describe("an image for a model that was trained on images turned to RAS", () => {
  test.each([...all, [-s, c, 0, -c, -s, 0, 0, 0, 1]].map((direction) => [direction]))(
    "with directions %j is turned: every voxel stays where it lies, and comes back",
    (direction) => {
      const given = image(direction);
      const turn = turnToRas(turning, given.geometry, shape);
      if (String(direction) === String(ras)) return expect(turn).toBeUndefined();
      const turned = turn!.forth(given);
      expect(places(turned)).toEqual(places(given));
      const largest = [0, 1, 2].map((axis) => turned.geometry.direction[4 * axis]! * [-1, -1, 1][axis]!);
      for (const along of largest) expect(along).toBeGreaterThan(0.8);
      expect(turn!.back(turned)).toEqual(given);
    },
  );

  test("that is tilted by 30° is not turned, nor any for another reader or a model of ours", () => {
    expect(turnToRas(turning, geometryOf(tilted), shape)).toBeUndefined();
    const lps = geometryOf([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(turnToRas(turning, lps, shape)).toBeDefined();
    expect(turnToRas(model("SimpleITKIO"), lps, shape)).toBeUndefined();
    expect(turnToRas({ ...turning, origin: undefined } as unknown as Told, lps, shape)).toBeUndefined();
  });
});

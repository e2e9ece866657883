import type { ModelMetadata, Volume } from "@nnunet/core";
import { describe, expect, test } from "@jest/globals";
import { refuseOtherOrientation, runsRightAnteriorSuperior } from "../src/refuse-other-orientation.ts";

const ras = [-1, 0, 0, 0, -1, 0, 0, 0, 1];
const lps = [1, 0, 0, 0, 1, 0, 0, 0, 1];

describe("a model that was trained elsewhere on images turned to RAS", () => {
  const model = (imageReaderWriter: string, origin: unknown) =>
    ({ plans: { imageReaderWriter }, origin }) as unknown as Pick<ModelMetadata, "plans" | "origin">;
  const loaded = (direction: readonly number[]) => ({
    id: "one",
    image: { geometry: { direction } } as unknown as Volume<Float32Array>,
  });
  const foreign = { tool: "nnU-Net" };

  test("refuses an image that runs otherwise, and says what to do", () => {
    expect(() => refuseOtherOrientation(model("NibabelIOWithReorient", foreign), loaded(lps))).toThrow(
      /case one, whose voxels do not run right, anterior, superior \(RAS\).*turn the image to RAS first/,
    );
  });

  test("takes one in RAS; other readers and our own models take any", () => {
    refuseOtherOrientation(model("NibabelIOWithReorient", foreign), loaded(ras));
    refuseOtherOrientation(model("SimpleITKIO", foreign), loaded(lps));
    refuseOtherOrientation(model("NibabelIOWithReorient", undefined), loaded(lps));
  });
});

test("only one of the 48 ways to store an image is RAS, and one tilted by 30° still is", () => {
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
  expect(all.filter(runsRightAnteriorSuperior)).toEqual([ras]);
  const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
  expect(runsRightAnteriorSuperior([-c, s, 0, -s, -c, 0, 0, 0, 1])).toBe(true);
  expect(runsRightAnteriorSuperior([-s, c, 0, -c, -s, 0, 0, 0, 1])).toBe(false);
});

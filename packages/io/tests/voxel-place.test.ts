import { expect, test } from "@jest/globals";
import { axisAlignedGeometry } from "@nnunet/core";
import { voxelPlace } from "@nnunet/io";

test("a voxel is told as viewers show it: x, y, z, and RAS millimetres", () => {
  // LPS as ITK has it: the x axis runs to the patient's left from 10, y to the back from −4
  const geometry = { ...axisAlignedGeometry([3, 1, 0.5]), origin: [10, -4, 7.5] as const };
  const volume = { shape: [1, 2, 3, 4] as const, geometry };
  expect(voxelPlace(0, volume)).toBe("(0, 0, 0) [x, y, z], RAS (-10, 4, 7.5) mm");
  expect(voxelPlace(1 * 12 + 2 * 4 + 3, volume)).toBe("(3, 2, 1) [x, y, z], RAS (-11.5, 2, 10.5) mm");
});

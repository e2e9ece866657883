import { expect, test } from "@jest/globals";
import { paperTopology, poolLateTopology, type TopologyRule, v1Topology, v2Topology } from "@nnunet/planner";
import { readGolden } from "./support/golden.ts";

test("the paper's example: ACDC (D13), 5 × 1.56 × 1.56 mm", () => {
  const { strides, kernelSizes, divisibility } = paperTopology([5, 1.56, 1.56], [20, 256, 224], 4);
  expect(strides.slice(1)).toEqual([
    [1, 2, 2],
    [2, 2, 2],
    [2, 2, 2],
    [1, 2, 2],
    [1, 2, 2],
  ]);
  expect(kernelSizes[0]).toEqual([1, 3, 3]);
  expect(kernelSizes.slice(1)).toEqual(Array(5).fill([3, 3, 3]));
  expect(divisibility).toEqual([4, 32, 32]);
});

test("pads the patch up to a multiple of the strides", () => {
  expect(v2Topology([1, 1, 1], [36, 50, 35.5], 4).patchSize).toEqual([40, 56, 40]);
});

interface Golden {
  num_pool: number[];
  strides: number[][];
  kernels: number[][];
  patch: number[];
  divisible: number[];
}
type Row = { spacing: number[]; size: number[] } & Record<"v2" | "v1_v21" | "v1_1_2_v21" | "v1_poolLate", Golden>;

test.each<[keyof Row & string, TopologyRule]>([
  ["v1_1_2_v21", paperTopology],
  ["v1_v21", v1Topology],
  ["v2", v2Topology],
  ["v1_poolLate", poolLateTopology],
])("agrees with %s on 200 random patches, 2D and 3D", (key, rule) => {
  const rows = readGolden<Row[]>("topology.json");
  expect(rows).toHaveLength(200);
  for (const row of rows) {
    const golden = row[key as "v2"];
    const { strides, kernelSizes, patchSize, divisibility } = rule(row.spacing, row.size, 4);
    const pools = divisibility.map((d) => Math.log2(d));
    expect({
      size: row.size,
      strides: key === "v2" ? strides : strides.slice(1),
      kernelSizes,
      patchSize,
      divisibility,
      pools,
    }).toEqual({
      size: row.size,
      strides: golden.strides,
      kernelSizes: golden.kernels,
      patchSize: golden.patch,
      divisibility: golden.divisible,
      pools: golden.num_pool,
    });
  }
});

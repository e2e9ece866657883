import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Architecture } from "@nnunet/core";
import { buildNetwork, type NetworkGraph, readSafetensors, type Tensor, type Weights } from "@nnunet/unet-model";

/** A network as PyTorch computed it; tools/fixtures/golden/networks.py says what the tensors are. */
export interface GoldenNetwork {
  readonly name: string;
  readonly path: string;
  readonly architecture: Architecture;
  readonly patchSize: readonly number[];
}

const flat = {
  patchSize: [32, 24],
  kernelSizes: Array.from({ length: 4 }, () => [3, 3]),
  strides: [
    [1, 1],
    [2, 2],
    [2, 2],
    [2, 1],
  ],
};
const volume = {
  patchSize: [8, 16, 16],
  kernelSizes: [
    [1, 3, 3],
    [3, 3, 3],
    [3, 3, 3],
    [3, 3, 3],
  ],
  strides: [
    [1, 1, 1],
    [1, 2, 2],
    [2, 2, 2],
    [2, 2, 2],
  ],
};
const plain = { kind: "plain", convsPerStage: [2, 2, 2, 2], convsPerStageDecoder: [2, 2, 2] } as const;
const residual = { kind: "residual", convsPerStage: [1, 3, 4, 2], convsPerStageDecoder: [1, 1, 1] } as const;

function networks(folder: string, names: readonly [string, string, string], features: number[]): GoldenNetwork[] {
  const [plain2d, plain3d, residual3d] = names;
  const kinds = [
    { name: plain2d, ...flat, ...plain },
    { name: plain3d, ...volume, ...plain },
    { name: residual3d, ...volume, ...residual },
  ];
  return kinds.map(({ name, patchSize, ...shape }) => ({
    name,
    path: `${folder}${name}.safetensors`,
    patchSize,
    architecture: {
      ...shape,
      featuresPerStage: features,
      convBias: true,
      transposedConvBias: true,
      headBias: true,
      normEpsilon: 1e-5,
      leakyReluSlope: 0.01,
    },
  }));
}

const inClone = fileURLToPath(new URL("../../../test-data/golden/", import.meta.url));
const beside = fileURLToPath(new URL("../../../../shared/golden/", import.meta.url));
const wider = networks(beside, ["net_plain2d", "net_plain3d", "net_resenc3d"], [4, 8, 12, 12]);
const more = wider.filter(({ path }) => existsSync(path));
if (more.length < wider.length) console.warn(`skipped: three wider golden networks, because ${beside} is absent`);

/** Three networks of the clone, and three wider ones where ../shared is. */
export const goldenNetworks: readonly GoldenNetwork[] = [
  ...networks(inClone, ["network-plain-2d", "network-plain-3d", "network-residual-3d"], [3, 5, 7, 7]),
  ...more,
];

/** Two input channels, three classes; `weights("w/")` are the initial ones. */
export function readGoldenNetwork({ name, path, architecture, patchSize }: GoldenNetwork): {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly graph: NetworkGraph;
  readonly weights: Weights;
} {
  const { tensors } = readSafetensors(readFileSync(path), name);
  const graph = buildNetwork(architecture, { inputChannels: 2, outputChannels: 3, patchSize });
  const initial = (parameter: string) => tensors.get(`w/${parameter}`)!.data as Float32Array;
  const weights: Weights = new Map(graph.parameters.map(({ name: n, shape }) => [n, { data: initial(n), shape }]));
  return { tensors, graph, weights };
}

import { expect, test } from "@jest/globals";
import { type Architecture, createRandom } from "@nnunet/core";
import { buildNetwork, initialiseWeights, transferWeights, type Weights } from "@nnunet/unet-model";

const architecture = (stages: number): Architecture => ({
  kind: "plain",
  featuresPerStage: [2, 4, 4, 4].slice(0, stages),
  kernelSizes: Array.from({ length: stages }, () => [3, 3]),
  strides: Array.from({ length: stages }, (_, stage) => (stage === 0 ? [1, 1] : [2, 2])),
  convsPerStage: Array.from({ length: stages }, () => 1),
  convsPerStageDecoder: Array.from({ length: stages - 1 }, () => 1),
  convBias: true,
  transposedConvBias: false,
  headBias: true,
  normEpsilon: 1e-5,
  leakyReluSlope: 0.01,
});
const networkOf = (stages: number, inputChannels = 1, outputChannels = 3, more: Partial<Architecture> = {}) =>
  buildNetwork({ ...architecture(stages), ...more }, { inputChannels, outputChannels, patchSize: [16, 16] });
const weightsOf = (graph: ReturnType<typeof networkOf>, seed: number) => initialiseWeights(graph, createRandom(seed));
const classes = ["background", "liver", "spleen"];
const values = (weights: Weights, name: string) => [...weights.get(name)!.data];

test("a network takes over every weight of one that is the same", () => {
  const graph = networkOf(3);
  const trained = weightsOf(graph, 1);
  const meaning = { channels: ["CT"], classes };
  const { weights, table } = transferWeights(graph, meaning, weightsOf(graph, 2), { weights: trained, ...meaning });
  expect(weights).toEqual(trained);
  expect(new Set(table.map(({ is }) => is))).toEqual(new Set(["copied"]));
  expect(table.map(({ name }) => name)).toEqual(graph.parameters.map(({ name }) => name));
});

test("a deeper network keeps what it has at the same resolutions: decoders are numbered from the deepest stage up", () => {
  const [shallow, deep] = [networkOf(3), networkOf(4)];
  const trained = weightsOf(shallow, 1);
  const { weights, table } = transferWeights(deep, { classes }, weightsOf(deep, 2), { weights: trained, classes });
  expect(values(weights, "decoder.stages.2.convs.0.conv.weight")).toEqual(
    values(trained, "decoder.stages.1.convs.0.conv.weight"),
  );
  expect(values(weights, "decoder.seg_layers.2.weight")).toEqual(values(trained, "decoder.seg_layers.1.weight"));
  expect(values(weights, "encoder.stages.2.0.convs.0.conv.weight")).toEqual(
    values(trained, "encoder.stages.2.0.convs.0.conv.weight"),
  );
  const initialised = table.filter(({ is }) => is === "initialised").map(({ name }) => name);
  expect(initialised.every((name) => /^encoder\.stages\.3|^decoder\.\w+\.0/.test(name))).toBe(true);
  // and back
  const again = transferWeights(shallow, { classes }, weightsOf(shallow, 3), { weights, classes });
  expect(again.weights).toEqual(trained);
});

test("channels are copied by name, and a new one begins as the mean of the model's", () => {
  const graph = networkOf(2, 3);
  const before = networkOf(2, 2);
  const trained = weightsOf(before, 1);
  const meaning = { channels: ["T2", "FLAIR", "T1"], classes };
  const name = "encoder.stages.0.0.convs.0.conv.weight";
  const { weights, table } = transferWeights(graph, meaning, weightsOf(graph, 2), {
    weights: trained,
    channels: ["T1", "T2"],
    classes,
  });
  const plane = (of: Weights, channels: number, channel: number) =>
    values(of, name)
      .slice(9 * channel, 9 * channel + 9)
      .map((v) => Math.fround(v))
      .slice(0, channels * 9);
  const [t1, t2] = [plane(trained, 2, 0), plane(trained, 2, 1)];
  expect(plane(weights, 3, 0)).toEqual(t2);
  expect(plane(weights, 3, 2)).toEqual(t1);
  expect(plane(weights, 3, 1)).toEqual(t1.map((v, i) => Math.fround((v + t2[i]!) / 2)));
  expect(table.find((each) => each.name === name)).toEqual({
    name,
    is: "adapted",
    why: "T2, T1 by name, FLAIR as the mean of the model's 2 channels",
  });
});

test("as many channels of other names keep their order, as nnU-Net v2 does; labels of a cascade's first network begin anew", () => {
  const name = "encoder.stages.0.0.convs.0.conv.weight";
  const graph = networkOf(2, 1);
  const trained = weightsOf(graph, 1);
  const { weights } = transferWeights(graph, { channels: ["MR"] }, weightsOf(graph, 2), {
    weights: trained,
    channels: ["CT"],
  });
  expect(values(weights, name)).toEqual(values(trained, name));
  const second = networkOf(2, 2);
  const fresh = weightsOf(second, 2);
  const cascade = { channels: ["CT", "label 1 of 3d_lowres"], imageChannels: 1 };
  const taken = transferWeights(second, cascade, fresh, { weights: trained, channels: ["CT"] });
  expect(values(taken.weights, name).slice(0, 9)).toEqual(values(trained, name).slice(0, 9));
  expect(values(taken.weights, name).slice(9, 18)).toEqual(values(fresh, name).slice(9, 18));
  expect(taken.table.find((each) => each.name === name)?.why).toBe("CT by name, label 1 of 3d_lowres initialised");
});

test("heads take over the classes of the same name, and begin anew where none but the background has one", () => {
  const graph = networkOf(2, 1, 3);
  const trained = weightsOf(networkOf(2, 1, 2), 1);
  const fresh = weightsOf(graph, 2);
  const name = "decoder.seg_layers.0.weight";
  const source = { weights: trained, classes: ["background", "spleen"] };
  const { weights, table } = transferWeights(graph, { classes }, fresh, source);
  const [a, b] = [values(weights, name), values(trained, name)];
  expect(a).toEqual([...b.slice(0, 2), ...values(fresh, name).slice(2, 4), ...b.slice(2, 4)]);
  expect(table.find((each) => each.name === name)?.why).toBe("spleen by name, liver initialised");
  const other = transferWeights(graph, { classes: ["background", "lung", "heart"] }, fresh, source);
  expect(values(other.weights, name)).toEqual(values(fresh, name));
  expect(other.table.find((each) => each.name === name)?.why).toBe("the model has no class of these names");
  const regions = transferWeights(graph, { classes, regions: true }, fresh, source);
  expect(regions.table.find((each) => each.name === name)?.why).toBe("the model tells classes apart, not regions");
});

test("what has another shape begins anew, and says which", () => {
  const graph = networkOf(2, 1, 3, {
    kernelSizes: [
      [3, 3],
      [1, 3],
    ],
  });
  const fresh = weightsOf(graph, 2);
  const { weights, table } = transferWeights(graph, { classes }, fresh, {
    weights: weightsOf(networkOf(2), 1),
    classes,
  });
  const name = "encoder.stages.1.0.convs.0.conv.weight";
  expect(values(weights, name)).toEqual(values(fresh, name));
  expect(table.find((each) => each.name === name)).toEqual({
    name,
    is: "initialised",
    why: "the model's is 4 × 2 × 3 × 3, not 4 × 2 × 1 × 3",
  });
});

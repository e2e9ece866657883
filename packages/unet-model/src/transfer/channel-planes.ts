import { counted, elementCount, listed } from "@nnunet/core";
import type { WeightTensor } from "../weights.ts";
import type { NetworkMeaning } from "./network-meaning.ts";
import { copied, otherShape, sameShape, type Transferred } from "./transferred-tensor.ts";

/**
 * The weight of a first convolution, [out, channel, ...kernel], for other channels than it was trained for: a channel of the
 * same name is copied, an image's that is new begins as the mean of those that the model has, a label's (cascade) keeps its
 * initial values. A norm follows, so that only the proportions count.
 *
 * Networks of as many channels, none of which has the same name, keep their order.
 *
 * @param before - what it was trained for
 */
export function channelPlanes(
  own: WeightTensor,
  found: WeightTensor,
  { channels: names, imageChannels }: NetworkMeaning,
  before: NetworkMeaning,
): Transferred {
  const [outputs, channels, ...kernel] = own.shape;
  const [theirOutputs, theirChannels, ...theirKernel] = found.shape;
  if (outputs !== theirOutputs || !sameShape(kernel, theirKernel)) return otherShape(own.shape, found.shape);
  const known = names && before.channels ? names.map((name) => before.channels!.indexOf(name)) : undefined;
  const isInOrder = known === undefined || known.every((at, i) => at === i) || known.every((at) => at < 0);
  if (isInOrder && channels === theirChannels) return copied(found);
  const sources = known ?? Array.from({ length: channels! }, () => -1);
  const isLabel = (channel: number) => channel >= (imageChannels ?? channels!);
  const images = Math.min(theirChannels!, before.imageChannels ?? theirChannels!);
  const plane = elementCount(kernel);
  const data = new Float32Array(own.data.length);
  for (let out = 0; out < outputs!; out++) {
    for (let channel = 0; channel < channels!; channel++) {
      const source = sources[channel]!;
      for (let i = 0; i < plane; i++) {
        const at = (out * channels! + channel) * plane + i;
        const theirs = (c: number) => found.data[(out * theirChannels! + c) * plane + i]!;
        if (source >= 0) data[at] = theirs(source);
        else if (isLabel(channel)) data[at] = own.data[at]!;
        else {
          let sum = 0;
          for (let c = 0; c < images; c++) sum += theirs(c);
          data[at] = sum / images;
        }
      }
    }
  }
  const named = (some: (source: number, channel: number) => boolean) =>
    listed(sources.flatMap((source, channel) => (some(source, channel) ? [names?.[channel] ?? String(channel)] : [])));
  const parts: readonly (readonly [string, string])[] = [
    [named((source) => source >= 0), "by name"],
    [named((source, c) => source < 0 && !isLabel(c)), `as the mean of the model's ${counted(images, "channel")}`],
    [named((source, c) => source < 0 && isLabel(c)), "initialised"],
  ];
  const why = parts.flatMap(([some, how]) => (some === "" ? [] : [`${some} ${how}`])).join(", ");
  return { is: "adapted", tensor: { data, shape: own.shape }, why };
}

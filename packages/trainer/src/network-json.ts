import type { NetworkGraph } from "@nnunet/unet-model";
import { z } from "zod";

/* A network graph as a checkpoint carries it: it is plain data, so its JSON is itself. */

const counts = z.array(z.int().positive()).max(3);
const feature = z.object({ id: z.int().nonnegative(), channels: z.int().positive(), spatial: counts });
const name = z.string();
const one = { input: feature, output: feature };
const norm = { ...one, scale: name, bias: name, epsilon: z.number() };
const node = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("conv"), ...one, weight: name, bias: name.optional(), kernel: counts, stride: counts }),
  z.object({ kind: z.literal("instanceNorm"), ...norm }),
  z.object({ kind: z.literal("batchNorm"), ...norm, mean: name, variance: name }),
  z.object({ kind: z.literal("leakyRelu"), ...one, slope: z.number() }),
  z.object({ kind: z.literal("upConv"), ...one, weight: name, bias: name.optional(), stride: counts }),
  z.object({ kind: z.literal("concat"), inputs: z.array(feature).min(1), output: feature }),
  z.object({ kind: z.literal("add"), inputs: z.tuple([feature, feature]), output: feature }),
  z.object({ kind: z.literal("averagePool"), ...one, stride: counts }),
]);
const initial = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("constant"), value: z.number() }),
  z.object({ kind: z.literal("kaiming"), fanIn: z.number().positive(), slope: z.number() }),
]);
const parameter = z.object({
  name,
  shape: z.array(z.int().positive()).max(5),
  trained: z.literal(false).optional(),
  initial,
});

export const networkGraph: z.ZodType<NetworkGraph> = z.object({
  input: feature,
  nodes: z.array(node),
  outputs: z.array(feature).min(1),
  parameters: z.array(parameter),
}) as z.ZodType<NetworkGraph>;

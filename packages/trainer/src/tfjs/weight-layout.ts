import type { NetworkGraph, Weights, WeightTensor } from "@nnunet/unet-model";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { ParameterLayout } from "../parameter-layout.ts";
import type { Tf } from "./tensor-tape.ts";

interface Piece {
  readonly name: string;
  readonly length: number;
  /** As everybody else has it. */
  readonly shape: readonly number[];
  /** From there to the order of axes that TensorFlow computes in. */
  readonly perm: readonly number[];
}

/**
 * The parameters of a layout as one vector on the device. In it a convolution's weight [out, in, ...kernel] is [...kernel, in, out],
 * an up-convolution's [in, out, ...stride] is [in, ...stride, out]; everything elementwise, as an optimiser's step, does
 * not care.
 */
export interface WeightLayout {
  readonly total: number;
  pack(weights: Weights): Tensor;
  unpack(vector: Tensor): Promise<Map<string, WeightTensor>>;
  /** The parameters by name, shaped as the layers want them. */
  cut(vector: Tensor): Map<string, Tensor>;
  /** The opposite of `cut`; what is missing is zero. */
  join(parameters: ReadonlyMap<string, Tensor>): Tensor;
}

export function weightLayout(tf: Tf, graph: NetworkGraph, { offsets, total }: ParameterLayout): WeightLayout {
  const permOf = new Map(
    graph.nodes.flatMap((node) => {
      if (node.kind !== "conv" && node.kind !== "upConv") return [];
      const spatial = node.stride.map((_, axis) => axis + 2);
      return [[node.weight, node.kind === "conv" ? [...spatial, 1, 0] : [0, ...spatial, 1]] as const];
    }),
  );
  const pieces = [...offsets].map(
    ([name, { length, shape }]): Piece => ({
      name,
      length,
      shape,
      perm: permOf.get(name) ?? shape.map((_, axis) => axis),
    }),
  );
  const lengths = pieces.map((p) => p.length);
  const nativeShape = ({ shape, perm }: Piece) => perm.map((axis) => shape[axis]!);

  const cut = (vector: Tensor) => {
    const parts = tf.split(vector, lengths);
    return new Map(pieces.map((piece, i) => [piece.name, tf.reshape(parts[i]!, nativeShape(piece))]));
  };
  return {
    total,
    cut,
    pack: (weights) =>
      tf.tidy(() =>
        tf.concat(
          pieces.map(({ name, shape, perm }) =>
            tf.reshape(tf.transpose(tf.tensor(weights.get(name)!.data, [...shape], "float32"), [...perm]), [-1]),
          ),
        ),
      ),
    async unpack(vector) {
      const parts = tf.tidy(() => {
        const parameters = cut(vector);
        return pieces.map(({ name, perm }) =>
          tf.transpose(
            parameters.get(name)!,
            perm.map((_, axis) => perm.indexOf(axis)),
          ),
        );
      });
      const weights = new Map<string, WeightTensor>();
      for (const [i, { name, shape }] of pieces.entries()) {
        const data = Float32Array.from(await parts[i]!.data());
        parts[i]!.dispose();
        weights.set(name, { data, shape });
      }
      return weights;
    },
    join: (parameters) =>
      tf.concat(
        pieces.map(({ name, length }) => {
          const part = parameters.get(name);
          return part === undefined ? tf.zeros([length]) : tf.reshape(part, [length]);
        }),
      ),
  };
}

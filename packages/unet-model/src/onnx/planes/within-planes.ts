import type { NetworkNode } from "../../network-graph.ts";
import type { Weights } from "../../weights.ts";
import { blockedWeights, nchwc, volumeSize, wholeBlocks } from "../blocked/blocked-tensor.ts";
import type { OnnxAttribute, OnnxGraph } from "../onnx-graph.ts";
import type { PlaneStack } from "./plane-stack.ts";

export type Convolution = Extract<NetworkNode, { kind: "conv" }>;

/** What a convolution within planes is added to: another result, the network's bias. */
export interface Onto {
  readonly sum?: PlaneStack | undefined;
  readonly bias?: string | undefined;
}

/** The convolutions within planes of which one of the network is made. Their weights are stored when they are used. */
export class WithinPlanes {
  /** Up to whole blocks. */
  readonly channels: number;
  /** Name of the bias, where it is wanted and there is one. */
  readonly bias: string | undefined;
  readonly #kernels = new Map<string, string>();

  /** @param bias - false where a norm follows that subtracts it again */
  constructor(
    readonly onnx: OnnxGraph,
    readonly block: number,
    readonly node: Convolution,
    readonly weights: Weights,
    bias: boolean,
  ) {
    this.channels = wholeBlocks(node.output.channels, block);
    this.bias = bias && node.bias !== undefined ? this.#storedBias(node.bias) : undefined;
  }

  /**
   * The sum of the parts, whose channels follow each other as the input's, each convolved by the weights Σ of[z] · w[z].
   *
   * @param of - a factor for each z of the kernel
   */
  convolve(parts: readonly PlaneStack[], of: readonly number[], onto: Onto = {}): PlaneStack {
    let sum = onto.sum;
    let first = 0;
    for (const [i, x] of parts.entries()) {
      const channels = Math.min(x.channels, this.node.input.channels);
      const kernel = this.#kernel(of, first, channels);
      sum = this.convolveWith(x, kernel, { sum, bias: i === 0 ? onto.bias : undefined });
      first += channels;
    }
    return sum!;
  }

  /** One convolution by stored weights, see {@link store}. */
  convolveWith(x: PlaneStack, kernel: string, { sum, bias }: Onto): PlaneStack {
    const { onnx, node } = this;
    const [, ky, kx] = volumeSize(node.kernel);
    const [, sy, sx] = volumeSize(node.stride);
    const [py, px] = [(ky - 1) / 2, (kx - 1) / 2];
    const attributes: Record<string, OnnxAttribute> = {
      kernel_shape: [ky, kx],
      strides: [sy, sx],
      dilations: [1, 1],
      pads: [py, px, py, px],
      group: 1,
    };
    const inputs = [x.name, kernel];
    if (bias !== undefined || sum !== undefined) inputs.push(bias ?? "");
    if (sum !== undefined) inputs.push(sum.name);
    const name = onnx.node("Conv", inputs, attributes, undefined, nchwc);
    return { name, planes: x.planes, channels: this.channels, size: [x.size[0] / sy, x.size[1] / sx] };
  }

  /** Stores weights [out, in, y · x] as the blocked operators want them. */
  store(kernel: Float32Array, into: number): string {
    const [, ky, kx] = volumeSize(this.node.kernel);
    const taps = ky * kx;
    const all = Array.from({ length: taps }, (_, tap) => tap);
    const laid = blockedWeights(kernel, [this.node.output.channels, into, taps], all, this.block);
    return this.onnx.weight(this.onnx.fresh(this.node.weight), laid, [this.channels, into, ky, kx]);
  }

  #kernel(of: readonly number[], first: number, count: number): string {
    const key = `${of.join()} ${first}`;
    const stored = this.#kernels.get(key) ?? this.store(this.#combined(of, first, count), count);
    this.#kernels.set(key, stored);
    return stored;
  }

  /** Σ of[z] · w[z] for some of the input's channels, [out, in, y · x]. */
  #combined(of: readonly number[], first: number, count: number): Float32Array {
    const { kernel, input, output, weight } = this.node;
    const { data } = this.weights.get(weight)!;
    const [kz, ky, kx] = volumeSize(kernel);
    const taps = ky * kx;
    const combined = new Float32Array(output.channels * count * taps);
    let at = 0;
    for (let o = 0; o < output.channels; o++) {
      for (let i = first; i < first + count; i++) {
        const from = (o * input.channels + i) * kz * taps;
        for (let tap = 0; tap < taps; tap++, at++) {
          let sum = 0;
          for (let z = 0; z < kz; z++) sum += of[z]! * data[from + z * taps + tap]!;
          combined[at] = sum;
        }
      }
    }
    return combined;
  }

  #storedBias(name: string): string {
    const padded = new Float32Array(this.channels);
    padded.set(this.weights.get(name)!.data);
    return this.onnx.weight(this.onnx.fresh(name), padded, [this.channels]);
  }
}

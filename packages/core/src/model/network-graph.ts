/** A trainable tensor and how it starts. */
export interface Parameter {
  /** PyTorch state-dict name of nnU-Net v2 ("encoder.stages.0.0.convs.0.conv.weight"), so that weights travel. */
  readonly name: string;
  readonly shape: readonly number[];
  /** false: a running statistic, which training keeps up to date and no optimiser touches. */
  readonly trained?: false;
  readonly initial:
    | { readonly kind: "constant"; readonly value: number }
    /** Kaiming normal for a leaky ReLU: standard deviation √(2 / ((1 + slope²)·fanIn)). */
    | { readonly kind: "kaiming"; readonly fanIn: number; readonly slope: number };
}

/**
 * The value that a node makes: [channel, (z,) y, x] for one sample. The batch axis is left out because a network
 * graph does not know the batch size.
 */
export interface Feature {
  readonly id: number;
  readonly channels: number;
  /** [(z,) y, x] voxels */
  readonly spatial: readonly number[];
}

/** One step of the network. `output` is new; inputs were made by earlier nodes. */
export type NetworkNode =
  | {
      readonly kind: "conv";
      readonly input: Feature;
      readonly output: Feature;
      /** Parameter names. Weight shape [out, in, ...kernel]. */
      readonly weight: string;
      readonly bias?: string;
      /** Odd; padding is (kernel − 1) / 2. */
      readonly kernel: readonly number[];
      readonly stride: readonly number[];
    }
  | {
      readonly kind: "instanceNorm";
      readonly input: Feature;
      readonly output: Feature;
      readonly scale: string;
      readonly bias: string;
      readonly epsilon: number;
    }
  | {
      /** Normalised by the batch's statistics in training, by their running averages otherwise. */
      readonly kind: "batchNorm";
      readonly input: Feature;
      readonly output: Feature;
      readonly scale: string;
      readonly bias: string;
      /** Parameters that are not trained: the running averages. */
      readonly mean: string;
      readonly variance: string;
      readonly epsilon: number;
    }
  | { readonly kind: "leakyRelu"; readonly input: Feature; readonly output: Feature; readonly slope: number }
  | {
      /** Transposed convolution with kernel = stride. Weight shape [in, out, ...stride]. */
      readonly kind: "upConv";
      readonly input: Feature;
      readonly output: Feature;
      readonly weight: string;
      readonly bias?: string;
      readonly stride: readonly number[];
    }
  | { readonly kind: "concat"; readonly inputs: readonly Feature[]; readonly output: Feature }
  | { readonly kind: "add"; readonly inputs: readonly [Feature, Feature]; readonly output: Feature }
  | {
      /** Average pooling with kernel = stride. */
      readonly kind: "averagePool";
      readonly input: Feature;
      readonly output: Feature;
      readonly stride: readonly number[];
    };

/** A U-Net as plain data: what the training engines, the ONNX export and the drawings read. */
export interface NetworkGraph {
  readonly input: Feature;
  /** Nodes in an order in which they can be computed. */
  readonly nodes: readonly NetworkNode[];
  /** Logits of every deep-supervision head, highest resolution first. */
  readonly outputs: readonly Feature[];
  readonly parameters: readonly Parameter[];
}

/** What of a network the data decide. */
export interface NetworkSize {
  /** Image channels, plus one per foreground label of the previous configuration in a cascade. */
  readonly inputChannels: number;
  /** Classes with background, or regions. */
  readonly outputChannels: number;
  /** [(z,) y, x] voxels of the patch; divisible by the product of the strides. */
  readonly patchSize: readonly number[];
}

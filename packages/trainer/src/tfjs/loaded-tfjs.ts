/** A loaded TensorFlow.js. */
export interface LoadedTfjs {
  /** The namespace of `@tensorflow/tfjs-core`, or of a package that exports it, with a backend ready. */
  readonly tf: object;
  /** For the log: "@tensorflow/tfjs-node-gpu 4.22.0". */
  readonly description: string;
}

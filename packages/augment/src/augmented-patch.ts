import type { Shape3 } from "@nnunet/core";

/** One patch of the size of the network's, to be changed in place. */
export interface AugmentedPatch {
  /** The image, [channel, z, y, x]; of a 2D network z is 1. */
  readonly data: Float32Array;
  /** Label ids, [z, y, x]; −1 outside the nonzero region. */
  readonly seg: Int16Array;
  /** [z, y, x] */
  readonly shape: Shape3;
}

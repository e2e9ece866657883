import type { ProbabilityReader } from "@nnunet/preprocess";

/** The stored probabilities of one case. */
export interface StoredCase {
  readonly id: string;
  readonly path: string;
  /** Shape [class or region, z, y, x] and place, without the voxels. */
  describe(): Promise<Pick<ProbabilityReader, "shape" | "geometry">>;
  open(): Promise<ProbabilityReader>;
}

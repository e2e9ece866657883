import type { ModelMetadata, StageOptions, Volume } from "@nnunet/core";
import type { Device, PredictionLimits } from "@nnunet/inference";
import type { DicomChoice } from "@nnunet/io";
import type { Fold } from "../folders.ts";

export interface EmbeddedPredictorOptions extends Pick<PredictionLimits, "maxMemoryGb" | "maxPatches"> {
  /** Of a model folder with several folds. */
  readonly folds?: readonly Fold[];
  /** Of a folder or archive of Python nnU-Net with several models. */
  readonly configuration?: string;
  /** "cpu" by default. */
  readonly device?: Device;
  /** CPU threads of the network; all cores by default. */
  readonly threads?: number;
  /** Average over mirrored copies of each patch; true by default. Up to 8 times the work. */
  readonly mirroring?: boolean;
  /** Stride between patches as a fraction of the patch; 0.5 by default. */
  readonly stepFraction?: number;
  /** Calls that may wait; one more is refused with a LimitError, which a server answers with 503. 16 by default. */
  readonly maxWaiting?: number;
}

export interface PredictOptions extends StageOptions, DicomChoice {
  /** Hears what share of the image is done, from 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** A segmentation, and what is odd about the image that it was made from. */
export interface Prediction {
  /** The case's name: that of its file without channel and ending. Empty for a volume from memory. */
  readonly id: string;
  /** Label ids, [1, z, y, x] in the geometry of the image. */
  readonly segmentation: Volume<Int16Array>;
  /** One sentence each: the image lies far from what was trained, say. */
  readonly warnings: readonly string[];
}

/** A predictor in a thread of its own, for a server or a desktop application. */
export interface EmbeddedPredictor {
  /** Channels, labels and plans of the model. */
  readonly metadata: ModelMetadata;
  /**
   * Segments one image. Calls are worked through one after the other; the caller's thread stays free.
   *
   * @param input - an image file, a folder with one DICOM series, or a volume [channel, z, y, x] with the model's
   *   channels, its voxels of whatever type they are stored in. A volume is copied when its turn comes (not at all if it
   *   lies in a SharedArrayBuffer): leave it alone until the promise is settled
   * @param options - `seriesUid` and `volume` choose in a DICOM folder that holds several; `signal` takes a waiting call out of the queue and stops a running one between two patches
   * @throws {LimitError} if too many calls wait, or the image needs more memory or patches than allowed
   * @throws {CancelledError} if the signal was aborted, or the predictor disposed
   * @throws {FileError} or {ImageFileError} of a path that cannot be read as one image
   * @throws {InvalidArgumentError} of a volume that has not the model's channels, and of what is no volume
   */
  predict(input: string | Volume, options?: PredictOptions): Promise<Prediction>;
  /** Stops what runs, refuses what waits, frees the networks and ends the thread. */
  dispose(): Promise<void>;
}

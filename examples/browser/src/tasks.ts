import type { ModelDataset } from "@nnunet/core";
import type { DicomVolumeInfo } from "@nnunet/io/bytes";
import type { GivenImage } from "./given-image.ts";

/* What the page asks of its worker, and what comes back. Blobs cross without being copied. */

/** Where a network runs in a browser: WebAssembly, or WebGPU. */
export type WebDevice = "cpu" | "webgpu";

/** Look at a model without running it. */
export interface InspectTask {
  readonly kind: "inspect";
  readonly model: File;
}

/** Which volumes DICOM files hold. */
export interface ListTask {
  readonly kind: "list";
  readonly image: GivenImage;
}

/** A DICOM series as NIfTI, which the viewer shows. */
export interface ShowTask {
  readonly kind: "show";
  readonly image: GivenImage;
}

export interface SegmentTask {
  readonly kind: "segment";
  readonly model: File;
  readonly image: GivenImage;
  readonly device: WebDevice;
  /** Of WebAssembly; 1 where the page is not cross-origin isolated. */
  readonly threads: number;
  readonly mirroring: boolean;
  readonly maxMemoryGb: number;
  /** Address of the folder with onnxruntime's WebAssembly files, with a slash at its end. */
  readonly runtime: string;
}

export type Task = InspectTask | ListTask | ShowTask | SegmentTask;

/** What a model says of itself. */
export interface ModelSummary {
  readonly datasetName: string;
  readonly configuration: string;
  readonly folds: readonly (number | "all")[];
  readonly dataset: ModelDataset;
  readonly patchSize: readonly number[];
  /** Looks at each patch with mirroring. */
  readonly copies: number;
}

export interface Segmented {
  /** `.nii.gz` in the grid of the image. */
  readonly file: Blob;
  /** A DICOM segmentation object, of a DICOM series that allows one. */
  readonly object: Blob | undefined;
  /** How many voxels have each label that occurs. */
  readonly voxels: ReadonlyMap<number, number>;
  readonly millilitresPerVoxel: number;
  /** From opening the model to the finished file. */
  readonly seconds: number;
}

export type Reply =
  | { readonly kind: "progress"; readonly done: number; readonly total: number }
  | { readonly kind: "warning"; readonly text: string }
  | { readonly kind: "inspected"; readonly result: ModelSummary }
  | { readonly kind: "listed"; readonly result: readonly DicomVolumeInfo[] }
  | { readonly kind: "shown"; readonly result: Blob }
  | { readonly kind: "segmented"; readonly result: Segmented }
  | { readonly kind: "failed"; readonly text: string };

import type { Volume } from "@nnunet/core";
import type { ImageInfo } from "./image-info.ts";

/** Something about an image that deserves a look but does not keep it from being read. */
export interface ImageWarning {
  readonly path: string;
  /** Of the header; "" where the file as a whole is meant. */
  readonly field: string;
  readonly problem: string;
}

export interface ReadImageOptions {
  /** Hears what deserves a look; without it warnings are dropped. */
  readonly onWarning?: (warning: ImageWarning) => void;
  /** Of a picture with a palette: its colours (the default), or the indices themselves, which a label mask means. */
  readonly palette?: "colours" | "indices";
  /** Of a folder with several DICOM series: which; see `listDicomSeries`. */
  readonly seriesUid?: string | undefined;
  /** Of a DICOM series with several volumes (echoes, times, stacks): which, from 1; the error without it lists them. */
  readonly volume?: number | undefined;
}

/** Which image is meant where a path holds several. */
export type DicomChoice = Pick<ReadImageOptions, "seriesUid" | "volume">;

export interface WriteImageOptions {
  /** NIfTI: 1 by default, 2 where an axis has more voxels than NIfTI-1 can say (32,767). */
  readonly version?: 1 | 2;
  /** zlib level, 0 for none; 1 by default: five times faster than 6 for files 8 % larger (see README). */
  readonly compression?: number;
  /** Replaces the spacing file beside a TIFF if it says something else; refused otherwise. */
  readonly overwrite?: boolean;
  /** The file is one channel of a case, `<case>_0000.tif`: its spacing file is called after the case. */
  readonly isChannel?: boolean;
}

/** One row of the table in `image-formats.ts`. */
export interface ImageFormat {
  /** For people: "NIfTI", "NRRD". */
  readonly name: string;
  /** What the names of its images end with, lower case with the dot, the most usual first. */
  readonly endings: readonly string[];
  /** Endings of the other file of a pair: an image may be read and written by that name, too. */
  readonly partnerEndings?: readonly string[];
  /** One image is a folder of files, whose names need no ending. */
  readonly isSeries?: boolean;
  /** For people: whose code reads it. */
  readonly readBy: string;
  readonly read: (path: string, options: ReadImageOptions) => Promise<Volume>;
  readonly readInfo: (path: string, options: ReadImageOptions) => Promise<ImageInfo>;
  /** Absent where nobody writes it. */
  readonly write?: (path: string, volume: Volume, options: WriteImageOptions) => Promise<void>;
  /** Why there is no `write`, and what to write instead. */
  readonly notWritten?: readonly [reason: string, instead: string];
  /** How many slices a file can hold. */
  readonly slices: "one" | "several";
  /** Whether a file says where its voxels lie: fully, only how far apart (perhaps in a file beside it), or not at all. */
  readonly place: "geometry" | "spacing" | "none";
  /** The other files that the image of this path consists of, as its header says. */
  readonly companions?: (path: string) => Promise<readonly string[]>;
  /** Copies all files of an image, as they are where the new name allows; false where it must be read and written. */
  readonly copy?: (from: string, to: string, options: WriteImageOptions) => Promise<boolean>;
  /** The other files that writing a volume of several slices to this path makes. */
  readonly companionsWritten?: (path: string, options: WriteImageOptions) => readonly string[];
}

import { basename } from "node:path";
import { readBmp, readBmpInfo, writeBmp } from "./bmp/bmp.ts";
import { readDicom, readDicomInfo } from "./dicom/dicom-series.ts";
import { readGiplHeader } from "./gipl/gipl.ts";
import { readItkHdf5, readItkHdf5Info } from "./hdf5/itk-hdf5.ts";
import type { ImageFormat } from "./image-format.ts";
import { readJpeg, readJpegInfo } from "./jpeg/read-jpeg.ts";
import { copyMetaImage, metaImageVoxelFile, metaImageVoxelFileWritten, writeMetaImage } from "./metaimage/metaimage.ts";
import { readMetaImageHeader } from "./metaimage/metaimage-header.ts";
import { copyNifti } from "./nifti/copy-nifti.ts";
import { readMghHeader } from "./mgh/mgh.ts";
import { readMrcHeader } from "./mrc/mrc.ts";
import { niftiVoxelFile, niftiVoxelFileWritten } from "./nifti/nifti-pair.ts";
import { readNifti, readNiftiInfo } from "./nifti/read-nifti.ts";
import { writeNifti } from "./nifti/write-nifti.ts";
import { copyNrrd, nrrdVoxelFile, nrrdVoxelFileWritten, writeNrrd } from "./nrrd/nrrd.ts";
import { readNrrdHeader } from "./nrrd/nrrd-header.ts";
import { readPng, readPngInfo, writePng } from "./png/png.ts";
import { readTiff, readTiffInfo } from "./tiff/read-tiff.ts";
import { copyTiff, tiffSpacingFile, tiffSpacingFileWritten } from "./tiff/tiff-spacing.ts";
import { writeTiff } from "./tiff/write-tiff.ts";
import { headedFormat } from "./voxels/headed-voxels.ts";
import { readVtkHeader } from "./vtk/vtk.ts";

/*
 * The formats of images: the only list of endings there is. Whoever asks which files are images, which can be written
 * or what lies beside them asks here.
 */

const notWritten = ["is not offered", "use .nii.gz"] as const;

export const imageFormats: readonly ImageFormat[] = [
  {
    name: "NIfTI",
    endings: [".nii.gz", ".nii", ".hdr", ".hdr.gz"],
    partnerEndings: [".img", ".img.gz"],
    readBy: "own code",
    read: readNifti,
    readInfo: readNiftiInfo,
    write: writeNifti,
    slices: "several",
    place: "geometry",
    companions: niftiVoxelFile,
    companionsWritten: niftiVoxelFileWritten,
    copy: copyNifti,
  },
  {
    ...headedFormat("NRRD", readNrrdHeader),
    endings: [".nrrd", ".nhdr"],
    readBy: "own code",
    write: writeNrrd,
    slices: "several",
    place: "geometry",
    companions: nrrdVoxelFile,
    companionsWritten: nrrdVoxelFileWritten,
    copy: copyNrrd,
  },
  {
    ...headedFormat("MetaImage", readMetaImageHeader),
    endings: [".mha", ".mhd"],
    readBy: "own code",
    write: writeMetaImage,
    slices: "several",
    place: "geometry",
    companions: metaImageVoxelFile,
    companionsWritten: metaImageVoxelFileWritten,
    copy: copyMetaImage,
  },
  {
    name: "TIFF",
    endings: [".tif", ".tiff"],
    readBy: "own code; zstd by fzstd",
    read: readTiff,
    readInfo: readTiffInfo,
    write: writeTiff,
    slices: "several",
    place: "spacing",
    companions: tiffSpacingFile,
    companionsWritten: tiffSpacingFileWritten,
    copy: copyTiff,
  },
  {
    name: "PNG",
    endings: [".png"],
    readBy: "own code",
    read: readPng,
    readInfo: readPngInfo,
    write: writePng,
    slices: "one",
    place: "none",
  },
  {
    name: "BMP",
    endings: [".bmp"],
    readBy: "own code",
    read: readBmp,
    readInfo: readBmpInfo,
    write: writeBmp,
    slices: "one",
    place: "none",
  },
  {
    name: "JPEG",
    endings: [".jpg", ".jpeg"],
    readBy: "own code",
    read: readJpeg,
    readInfo: readJpegInfo,
    notWritten: ["changes the values", "use .png or .nii.gz"],
    slices: "one",
    place: "none",
  },
  {
    ...headedFormat("GIPL", readGiplHeader),
    endings: [".gipl", ".gipl.gz"],
    readBy: "own code",
    notWritten,
    slices: "several",
    place: "geometry",
  },
  {
    ...headedFormat("MGH", readMghHeader),
    endings: [".mgz", ".mgh"],
    readBy: "own code",
    notWritten,
    slices: "several",
    place: "geometry",
  },
  {
    ...headedFormat("MRC", readMrcHeader),
    endings: [".mrc"],
    readBy: "own code",
    notWritten,
    slices: "several",
    place: "geometry",
  },
  {
    ...headedFormat("VTK", readVtkHeader),
    endings: [".vtk"],
    readBy: "own code",
    notWritten,
    slices: "several",
    place: "geometry",
  },
  {
    name: "HDF5",
    endings: [".hdf5", ".h5"],
    readBy: "ITK (itk-wasm)",
    read: readItkHdf5,
    readInfo: readItkHdf5Info,
    notWritten,
    slices: "several",
    place: "geometry",
  },
  {
    name: "DICOM",
    endings: [".dcm", ".dicom", ".ima"],
    isSeries: true,
    readBy: "own code; compressed frames by libjpeg-turbo, OpenJPEG, CharLS, OpenJPH",
    read: readDicom,
    readInfo: readDicomInfo,
    notWritten: ["needs the series that it belongs to", "use .nii.gz"],
    slices: "several",
    place: "geometry",
  },
];

/** The format whose images are called so; undefined where the name says nothing. `.img` is the other half of NIfTI. */
export function formatOfName(path: string): ImageFormat | undefined {
  const name = basename(path).toLowerCase();
  return imageFormats.find(({ endings, partnerEndings = [] }) =>
    [...endings, ...partnerEndings].some((ending) => name.endsWith(ending)),
  );
}

/** The format of folders and of files whose names say nothing. */
export const seriesFormat = imageFormats.find(({ isSeries }) => isSeries)!;

/** Endings of files that each are an image and can be read, lower case with the dot. DICOM, read as a series, has none. */
export const readableEndings: readonly string[] = imageFormats
  .filter(({ isSeries }) => !isSeries)
  .flatMap(({ endings }) => endings);

/**
 * Endings of the formats in which an image of so many slices can be written.
 *
 * @example writableEndings(5).includes(".png"); // false
 */
export function writableEndings(slices = 1): readonly string[] {
  return imageFormats
    .filter((format) => format.write && (slices === 1 || format.slices === "several"))
    .flatMap(({ endings }) => endings);
}

/**
 * The image ending of a file's name, lower case; undefined if it is not called as an image is. Hidden files are none.
 * Nor is an `.img`: it belongs to the `.hdr` beside it.
 *
 * @example imageEnding("hippocampus_001_0000.nii.gz"); // ".nii.gz"
 */
export function imageEnding(path: string): string | undefined {
  const name = basename(path).toLowerCase();
  return name.startsWith(".") ? undefined : readableEndings.find((ending) => name.endsWith(ending));
}

/**
 * A file's name without its image ending; undefined if it is not the name of an image.
 *
 * @example imageStem("hippocampus_001_0000.nii.gz"); // "hippocampus_001_0000"
 */
export function imageStem(path: string): string | undefined {
  const ending = imageEnding(path);
  return ending === undefined ? undefined : basename(path).slice(0, -ending.length);
}

/** Whether images called so say where they lie in space; pictures (PNG, TIFF, …) do not. */
export function saysItsPlace(path: string): boolean {
  return (formatOfName(path) ?? seriesFormat).place === "geometry";
}

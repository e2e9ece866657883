import { isDicomBlob } from "@nnunet/io/bytes";
import { dicomImage, type GivenImage, niftiImage } from "./given-image.ts";

/** What a page was given, by what it is for. */
export interface SortedFiles {
  readonly models: readonly File[];
  /** `case_0000.nii.gz`, `case_0001.nii.gz` are channels in order; the files of a DICOM series may have any name. */
  readonly image: GivenImage | undefined;
  readonly json: readonly File[];
  /** One sentence about what is none of these. */
  readonly problem: string | undefined;
}

export async function sortFiles(files: readonly File[]): Promise<SortedFiles> {
  const named = (pattern: RegExp) => files.filter(({ name }) => pattern.test(name));
  const nifti = named(/\.nii(\.gz)?$/i);
  const models = named(/\.onnx$/i);
  const json = named(/\.json$/i);
  const others = files.filter((file) => ![...nifti, ...models, ...json].includes(file));
  const isSeries = await anyDicom(others);
  if (isSeries && nifti.length === 0) {
    // What lies beside the slices (indexes, notes) is known to the reader of the series.
    return { models, image: dicomImage(others), json: [], problem: undefined };
  }
  const image = nifti.length > 0 ? niftiImage(nifti) : undefined;
  const both = `${nifti[0]?.name} and a DICOM series came together; give one of them`;
  const problem = isSeries ? both : others[0] && problemOf(others[0].name);
  return { models, image, json, problem };
}

async function anyDicom(files: readonly File[]): Promise<boolean> {
  for (const file of files) if (await isDicomBlob(file)) return true;
  return false;
}

function problemOf(name: string): string {
  const isModel = /\.(pth|pt|zip|safetensors)$/i.test(name);
  return isModel
    ? `${name} is no model.onnx; “nnunet import” or “nnunet export” makes one of it`
    : `${name} is not read here: the page takes .nii, .nii.gz and DICOM; “nnunet predict” reads every other format`;
}

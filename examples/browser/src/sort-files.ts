/** What a page was given, by what it is for. */
export interface SortedFiles {
  readonly models: readonly File[];
  /** In the order of their names: `case_0000.nii.gz`, `case_0001.nii.gz` are channels in order. */
  readonly images: readonly File[];
  readonly json: readonly File[];
  /** One sentence about what is none of these. */
  readonly problem: string | undefined;
}

export function sortFiles(files: readonly File[]): SortedFiles {
  const named = (pattern: RegExp) => files.filter(({ name }) => pattern.test(name));
  const images = named(/\.nii(\.gz)?$/i).sort((a, b) => a.name.localeCompare(b.name, "en"));
  const models = named(/\.onnx$/i);
  const json = named(/\.json$/i);
  const other = files.find((file) => ![...images, ...models, ...json].includes(file));
  return { models, images, json, problem: other && problemOf(other.name) };
}

function problemOf(name: string): string {
  const isModel = /\.(pth|pt|zip|safetensors)$/i.test(name);
  return isModel
    ? `${name} is no model.onnx; “nnunet import” or “nnunet export” makes one of it`
    : `${name} is not read here: the page takes .nii and .nii.gz; “nnunet predict” reads DICOM folders and every other format`;
}

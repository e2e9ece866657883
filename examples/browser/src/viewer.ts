import type { Niivue, NVImage } from "@niivue/niivue";
import { labelColour } from "@nnunet/io/bytes";
import { find } from "./page.ts";

/** Shows images and segmentations; made when the first image comes, since it is the largest part of the page. */
export interface Viewer {
  /**
   * @param file - NIfTI
   * @param isWanted - false where another image has been given while this one was read: then it is not shown
   * @returns size and spacing in words
   */
  showImage(file: File, isWanted: () => boolean): Promise<string>;
  /**
   * Nothing where no image is shown: over which it lies could not be seen.
   *
   * @param labels - ids in the order of their colours, with their names
   */
  showSegmentation(
    file: Blob,
    labels: readonly { readonly id: number; readonly name: string }[],
    isWanted: () => boolean,
  ): Promise<void>;
  clearSegmentation(): void;
  /** Shows nothing. */
  clear(): void;
}

/** @throws {Error} in one sentence, where the browser has no WebGL 2 */
export async function createViewer(): Promise<Viewer> {
  const figure = find(".viewer");
  const canvas = find<HTMLCanvasElement>("canvas", figure);
  if (!document.createElement("canvas").getContext("webgl2")) {
    throw new Error("This browser shows no images (it lacks WebGL 2); segmenting and downloading work all the same");
  }
  const { Niivue: View, NVImage: Image, SLICE_TYPE, SHOW_RENDER } = await import("@niivue/niivue");
  const view: Niivue = new View({
    backColor: [0.043, 0.055, 0.071, 1],
    crosshairColor: [0.5, 0.75, 1, 0.6],
    crosshairWidth: 0.2,
    crosshairWidthUnit: "percent",
    show3Dcrosshair: true,
    dragAndDropEnabled: false,
    isNearestInterpolation: true, // voxels as they are, and labels are nothing to interpolate
    multiplanarShowRender: SHOW_RENDER.AUTO,
    sliceType: SLICE_TYPE.MULTIPLANAR,
    loadingText: "",
    logLevel: "error",
  });
  await view.attachToCanvas(canvas);

  const slices = find<HTMLSelectElement>("#slices");
  slices.onchange = () => view.setSliceType(Number(slices.value));
  const opacity = find<HTMLInputElement>("#opacity");
  opacity.oninput = () => view.volumes.length > 1 && view.setOpacity(1, Number(opacity.value));

  const clearSegmentation = () => {
    while (view.volumes.length > 1) view.removeVolume(view.volumes[1]!);
    figure.removeAttribute("data-segmented");
  };
  const clear = () => {
    clearSegmentation();
    for (const old of [...view.volumes]) view.removeVolume(old);
    figure.setAttribute("data-empty", "");
  };
  return {
    clearSegmentation,
    clear,
    async showImage(file, isWanted) {
      const image = await Image.loadFromFile({ file, name: file.name });
      if (isWanted()) {
        clear();
        view.addVolume(image);
        figure.removeAttribute("data-empty");
      }
      return describe(image);
    },
    async showSegmentation(file, labels, isWanted) {
      const named = new File([file], "segmentation.nii.gz");
      const segmentation = await Image.loadFromFile({ file: named, name: named.name, opacity: Number(opacity.value) });
      if (view.volumes.length === 0 || !isWanted()) return;
      clearSegmentation();
      const colours = labels.map((_, i) => labelColour(i));
      segmentation.setColormapLabel({
        R: [0, ...colours.map(([red]) => red)],
        G: [0, ...colours.map(([, green]) => green)],
        B: [0, ...colours.map(([, , blue]) => blue)],
        A: [0, ...colours.map(() => 255)],
        I: [0, ...labels.map(({ id }) => id)],
        labels: ["", ...labels.map(({ name }) => name)],
      });
      view.addVolume(segmentation);
      figure.setAttribute("data-segmented", "");
    },
  };
}

function describe({ hdr }: NVImage): string {
  if (!hdr) return "";
  const extent = hdr.dims.slice(1, 4).join(" × ");
  const spacing = hdr.pixDims
    .slice(1, 4)
    .map((mm) => Number(mm.toPrecision(3)))
    .join(" × ");
  return `${extent} voxels of ${spacing} mm`;
}

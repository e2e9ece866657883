import type { DicomVolumeInfo } from "@nnunet/io/bytes";
import { describeVolume } from "./given-image.ts";
import { element, find } from "./page.ts";

/** Offers the volumes of a folder of DICOM. None is taken before somebody has chosen: the wrong one looks right, too. */
export function createVolumeChoice() {
  const place = find("#choice");
  const select = find<HTMLSelectElement>("select", place);
  return {
    hide() {
      place.hidden = true;
    },
    offer(volumes: readonly DicomVolumeInfo[], onChosen: (index: number) => void) {
      const first = element("option", "choose one", { value: "", disabled: "", selected: "" });
      const options = volumes.map((volume, i) => element("option", describeVolume(volume), { value: String(i) }));
      select.replaceChildren(first, ...options);
      select.onchange = () => onChosen(Number(select.value));
      place.hidden = false;
    },
  };
}

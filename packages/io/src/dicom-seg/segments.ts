import { type CodedConcept, labelSet, type ModelDataset } from "@nnunet/core";
import { dicomLab } from "./cielab.ts";
import { labelColour } from "./label-colours.ts";

/** One structure of a segmentation object. */
export interface Segment {
  /** From 1, in the order of the network's outputs: the same for every case of a dataset. */
  readonly number: number;
  /** As in dataset.json. */
  readonly name: string;
  /** The labels whose voxels are its: one, or all of a region. */
  readonly labels: readonly number[];
  readonly category: CodedConcept;
  readonly type: CodedConcept;
  readonly modifier: CodedConcept | undefined;
  readonly anatomicRegion: CodedConcept | undefined;
  readonly anatomicRegionModifier: CodedConcept | undefined;
  /** DICOM's CIELab. */
  readonly colour: readonly [number, number, number];
}

/** What is known of a label without a code; PS3.16, context group 7150. */
const anatomical: CodedConcept = { value: "91723000", scheme: "SCT", meaning: "Anatomical Structure" };
const abnormal: CodedConcept = { value: "49755003", scheme: "SCT", meaning: "Morphologically Abnormal Structure" };

/** Words in the names of labels that no healthy body has. */
const abnormalWords =
  /tumou?r|cancer|lesion|metasta|edema|oedema|necro|nodule|cyst|infarct|h(a)?emorrhage|stroke|stone|fracture|aneurysm|pneumonia|abscess/i;

/**
 * The segments of a dataset's segmentations: its labels, or its regions, which may overlap. Background and ignored
 * voxels are none.
 *
 * @example segmentsOf({ labels: { background: 0, tumour: 4 } })[0]?.labels; // [4]
 */
export function segmentsOf(dataset: Pick<ModelDataset, "labels" | "regionsClassOrder" | "labelCodes">): Segment[] {
  const { names, regions, foreground } = labelSet(dataset);
  return names.map((name, i): Segment => {
    const codes = dataset.labelCodes?.[name];
    const usual = abnormalWords.test(name) ? abnormal : anatomical;
    return {
      number: i + 1,
      name,
      labels: regions?.[i] ?? [foreground[i]!],
      category: codes?.category ?? usual,
      type: codes?.type ?? usual,
      modifier: codes?.modifier,
      anatomicRegion: codes?.anatomicRegion,
      anatomicRegionModifier: codes?.anatomicRegionModifier,
      colour: dicomLab(labelColour(i)),
    };
  });
}

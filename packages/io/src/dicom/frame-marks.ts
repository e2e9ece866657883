import type { DataSet } from "./data-set.ts";
import { uint32 } from "./numbers-in-bytes.ts";
import type { FrameGroups } from "./functional-groups.ts";

/**
 * What tells frames apart that lie in the same place: time, echo, diffusion weighting, kind of image. In the order in
 * which they are tried.
 */
export function frameMarks(file: DataSet, groups: FrameGroups): Map<string, string> {
  const marks = new Map<string, string>();
  const mark = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== "") marks.set(name, value);
  };
  const content = groups.group("FrameContentSequence");
  mark("StackID", content?.text("StackID"));
  mark("TemporalPositionIndex", content && whole(content, "TemporalPositionIndex"));
  mark("TemporalPositionIdentifier", file.text("TemporalPositionIdentifier"));
  mark("EffectiveEchoTime", groups.group("MREchoSequence")?.doubles("EffectiveEchoTime")[0]?.toString());
  mark("EchoTime", file.text("EchoTime"));
  mark("EchoNumbers", file.text("EchoNumbers"));
  const diffusion = groups.groupOrFile("MRDiffusionSequence");
  mark("DiffusionBValue", diffusion.doubles("DiffusionBValue")[0]?.toString());
  const direction = diffusion.items("DiffusionGradientDirectionSequence")[0] ?? diffusion;
  mark("DiffusionGradientOrientation", direction.doubles("DiffusionGradientOrientation").join(", "));
  const cardiac = groups.group("CardiacSynchronizationSequence");
  mark("NominalCardiacTriggerDelayTime", cardiac?.doubles("NominalCardiacTriggerDelayTime")[0]?.toString());
  mark("TriggerTime", file.text("TriggerTime"));
  mark("ComplexImageComponent", file.text("ComplexImageComponent"));
  mark("ImageType", file.text("ImageType"));
  mark("InversionTime", file.text("InversionTime"));
  mark("FlipAngle", file.text("FlipAngle"));
  mark("AcquisitionNumber", file.text("AcquisitionNumber"));
  mark("FrameAcquisitionDateTime", content?.text("FrameAcquisitionDateTime"));
  mark("AcquisitionTime", file.text("AcquisitionTime"));
  mark("ContentTime", file.text("ContentTime"));
  return marks;
}

/** UL, in four bytes. */
function whole(dataSet: DataSet, name: "TemporalPositionIndex"): string | undefined {
  const bytes = dataSet.elements.get(name)?.bytes;
  if (!bytes || bytes.length < 4) return undefined;
  return String(uint32(bytes, 0, dataSet.littleEndian));
}

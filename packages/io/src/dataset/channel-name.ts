/*
 * nnU-Net's names of images: `<case>_<four digits of the channel><ending>`.
 */

/** @example channelFileName("liver_3", 1, ".nii.gz"); // "liver_3_0001.nii.gz" */
export function channelFileName(caseId: string, channel: number, ending: string): string {
  return `${caseId}_${String(channel).padStart(4, "0")}${ending}`;
}

/**
 * Case and channel that a name without its ending says; undefined if it says no channel.
 *
 * @example channelOfStem("liver_3_0001"); // { id: "liver_3", channel: 1 }
 */
export function channelOfStem(stem: string): { readonly id: string; readonly channel: number } | undefined {
  const [, id, digits] = /^(.+)_(\d{4})$/s.exec(stem) ?? [];
  return id === undefined ? undefined : { id, channel: Number(digits) };
}

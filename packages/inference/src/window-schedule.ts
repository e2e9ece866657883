/** In which order the runs of a network come: patches in the order z, y, x, each in all its mirrored copies. */
export interface WindowSchedule {
  /** First planes of the patches along z, ascending. */
  readonly zStarts: readonly number[];
  /** Patches with the same z. */
  readonly patchesPerLayer: number;
  readonly copies: number;
  /** Patches (mirrored copies counted) given to the network at once. */
  readonly atOnce: number;
  /** Of the image. */
  readonly depth: number;
  readonly patchDepth: number;
}

/**
 * @param zStarts - first planes of the patches along z
 * @param mostAtOnce - patches given to the network at once, where there are as many
 */
export function windowSchedule(
  zStarts: readonly number[],
  patchesPerLayer: number,
  copies: number,
  mostAtOnce: number,
  depth: number,
  patchDepth: number,
): WindowSchedule {
  const atOnce = Math.min(zStarts.length * patchesPerLayer * copies, mostAtOnce);
  return { zStarts, patchesPerLayer, copies, atOnce, depth, patchDepth };
}

export function totalRuns({ zStarts, patchesPerLayer, copies }: WindowSchedule): number {
  return zStarts.length * patchesPerLayer * copies;
}

/** Planes below this are final when so many patches (copies counted) are done. */
export function finalPlanes({ zStarts, patchesPerLayer, copies, depth }: WindowSchedule, done: number): number {
  const layer = Math.floor(done / (copies * patchesPerLayer));
  return layer < zStarts.length ? Math.max(0, zStarts[layer]!) : depth;
}

/** Planes below this are written to by the first so many patches. */
export function touchedPlanes(schedule: WindowSchedule, done: number): number {
  const layer = Math.floor((done - 1) / (schedule.copies * schedule.patchesPerLayer));
  return Math.min(schedule.depth, schedule.zStarts[layer]! + schedule.patchDepth);
}

/** How many planes of the image a run of the network may need at a time. */
export function inputPlanesAlive(schedule: WindowSchedule): number {
  return planesAlive(schedule, (end) => end);
}

/**
 * How many planes must exist at a time: those that patches still write to, and those that are still needed afterwards.
 *
 * @param neededAfter - the first plane that is still needed when those below `end` are final
 */
export function planesAlive(schedule: WindowSchedule, neededAfter: (end: number) => number): number {
  const { zStarts, patchesPerLayer, copies, atOnce } = schedule;
  const total = totalRuns(schedule);
  let most = 0;
  for (let layer = 0; layer < zStarts.length; layer++) {
    // The run that begins this layer: in it the most planes are touched, and none was let go for it yet.
    const before = Math.floor((layer * patchesPerLayer * copies) / atOnce) * atOnce;
    const final = finalPlanes(schedule, before);
    // What is not final is still written to, even if nothing will ever need it.
    const needed = before === 0 ? 0 : Math.min(final, neededAfter(final));
    most = Math.max(most, touchedPlanes(schedule, Math.min(total, before + atOnce)) - needed);
  }
  return most;
}

/** Bytes that prediction takes for one case, by what they are for. */
export interface MemoryNeeds {
  /** In memory from beginning to end: the process itself, the image as it was read where that is kept. */
  readonly image: number;
  /** The image as it was read where it is let go once it is preprocessed. */
  readonly released: number;
  /** Beside the preprocessed image while that is made. */
  readonly preprocessing: number;
  /** The preprocessed image. */
  readonly preprocessed: number;
  /** Volumes that resampling needs in between; they lie where the preprocessed image does. */
  readonly between: number;
  /** While the network works: result, planes that patches are cut from, patches, feature maps, probabilities. */
  readonly predicting: number;
  /** Scores of the planes that must exist at a time. */
  readonly scores: number;
  /** What of the scores is in memory where they lie on disk. */
  readonly scoresFromDisk: number;
}

/** What lies where. */
export interface MemoryPlan {
  readonly imageInMemory: boolean;
  readonly scoresInMemory: boolean;
  /** Bytes at the peak. */
  readonly memory: number;
  /** Bytes on disk at the peak. */
  readonly disk: number;
}

/**
 * The fastest way to stay within a limit: everything in memory; else the preprocessed image on disk, which is written
 * and read once; else the scores, which are written and read for every patch; else both.
 *
 * @param limit - bytes
 * @returns the way of least memory if none stays within the limit
 */
export function planMemory(needs: MemoryNeeds, limit: number): MemoryPlan {
  const ways = [
    [true, true],
    [false, true],
    [true, false],
    [false, false],
  ].map(([imageInMemory, scoresInMemory]): MemoryPlan => {
    const { image, released, preprocessing, preprocessed, between, predicting, scores, scoresFromDisk } = needs;
    const kept = imageInMemory ? preprocessed : 0;
    const first = released + preprocessing + (imageInMemory ? between : 0);
    const then = predicting + (scoresInMemory ? scores : scoresFromDisk);
    return {
      imageInMemory: imageInMemory!,
      scoresInMemory: scoresInMemory!,
      memory: image + kept + Math.max(first, then),
      disk: (imageInMemory ? 0 : preprocessed + between) + (scoresInMemory ? 0 : scores),
    };
  });
  return (
    ways.find(({ memory }) => memory <= limit) ?? ways.reduce((least, way) => (way.memory < least.memory ? way : least))
  );
}

/*
 * How much a file between the stages may name. Far above what anybody has, far below what would take a process down.
 */

/** Entries of any list or table: the training cases of a dataset are the longest. */
export const mostEntries = 100_000;

/** Channels of an image. */
export const mostChannels = 1024;

/** Labels or regions, and ids of one region: a label file holds int16. */
export const mostLabels = 32_768;

/** Keys of other tools that are kept. */
export const mostOtherKeys = 1000;

/** Voxels along one axis of an image. */
export const longestAxis = 2 ** 31;

/** Voxel sizes, mm: from less than an atom to a kilometre. */
export const smallestSpacing = 1e-8;
export const largestSpacing = 1e6;

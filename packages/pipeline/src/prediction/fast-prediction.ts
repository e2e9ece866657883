/**
 * Shortcuts that change voxels, together: no mirrored copies (an eighth of the work in 3D, a quarter in 2D), and patches three
 * quarters of a patch apart instead of half (down to a third of the patches of a large image), and no network where a CT shows
 * air alone.
 *
 * What they cost is measured in docs/results/shortcuts.md.
 */
export const fastPrediction = { mirroring: false, stepFraction: 0.75, bodyMask: true } as const;

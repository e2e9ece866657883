/**
 * Winograd's minimal filtering F(2, 3) along the planes of a volume: two planes of a convolution of three planes come from
 * four products instead of six.
 *
 * The four planes d that a pair meets, its own and one on either side, become four others t = planesMet · d; each is
 * convolved within the plane by a kernel of its own, g = kernelsMade · w of the three planes w of the kernel; and the two planes
 * are pairMade · (t ∗ g). No number but halves is used, so that rounding is that of a few additions.
 *
 * @see Lavin and Gray 2016, Fast Algorithms for Convolutional Neural Networks, CVPR, section 4.1
 */

/** t = planesMet · d: [4 products, 4 planes] */
export const planesMet = [
  [1, 0, -1, 0],
  [0, 1, 1, 0],
  [0, -1, 1, 0],
  [0, 1, 0, -1],
] as const;

/** g = kernelsMade · w: [4 products, 3 planes of the kernel] */
export const kernelsMade = [
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, -0.5, 0.5],
  [0, 0, 1],
] as const;

/** y = pairMade · m, m the products: [2 planes, 4 products] */
export const pairMade = [
  [1, 1, 1, 0],
  [0, 1, -1, -1],
] as const;

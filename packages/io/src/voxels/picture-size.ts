/**
 * Pixels of a picture in a format whose bytes say little of how many there are: as Pillow's limit, beyond which it takes
 * a picture for an attack on memory. (TIFF, which holds whole-slide scans, has none.)
 */
export const mostCompressedPixels = 178_956_970;

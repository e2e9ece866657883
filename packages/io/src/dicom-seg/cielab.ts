/** From sRGB's primaries (D65) to XYZ under D50, which ICC's CIELab refers to; Bradford's adaptation (ICC.1:2022 E.3). */
const toXyz = [
  [0.4360747, 0.3850649, 0.1430804],
  [0.2225045, 0.7168786, 0.0606169],
  [0.0139322, 0.0971045, 0.7141733],
] as const;
const whiteD50 = [0.96422, 1, 0.82521] as const;

/**
 * A colour of a screen as DICOM's CIELab: three numbers of 16 bits (PS3.3 C.10.7.1.1).
 *
 * @param rgb - red, green, blue of sRGB, 0–255
 * @example dicomLab([255, 255, 255]); // [65535, 32896, 32896], white
 */
export function dicomLab(rgb: readonly [number, number, number]): [number, number, number] {
  const linear = rgb.map((value) => {
    const v = value / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  const [x, y, z] = toXyz.map((row, i) => {
    const t = row.reduce((sum, weight, k) => sum + weight * linear[k]!, 0) / whiteD50[i]!;
    return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29;
  }) as [number, number, number];
  const stored = (value: number, low: number, range: number) =>
    Math.min(65535, Math.max(0, Math.round(((value - low) / range) * 65535)));
  return [stored(116 * y - 16, 0, 100), stored(500 * (x - y), -128, 255), stored(200 * (y - z), -128, 255)];
}

/*
 * The inverse cosine transform in whole numbers, as libjpeg's "islow" has it (Loeffler, Ligtenberg & Moschytz 1989,
 * 13 bits of fraction), so that every sample is the one that libjpeg-turbo gives.
 */

const columns = new Int32Array(64);

/**
 * @param coefficients - of one block, row by row, from `from` on
 * @param quant - factors, row by row
 * @param out - samples; the block's first is at `to`, its rows are `stride` apart
 * @param precision - 8 or 12 bits
 */
export function inverseDct(
  coefficients: Int16Array,
  from: number,
  quant: Uint16Array,
  out: Uint8Array | Uint16Array,
  to: number,
  stride: number,
  precision: number,
): void {
  const between = precision === 8 ? 2 : 1; // bits of fraction after the first pass
  const largest = (1 << precision) - 1;
  const centre = 1 << (precision - 1);
  for (let pass = 0; pass < 2; pass++) {
    const shift = pass === 0 ? 13 - between : 13 + between + 3;
    const half = 1 << (shift - 1);
    for (let i = 0; i < 8; i++) {
      let s0: number, s1: number, s2: number, s3: number, s4: number, s5: number, s6: number, s7: number;
      if (pass === 0) {
        const at = from + i;
        s0 = coefficients[at]! * quant[i]!;
        s1 = coefficients[at + 8]! * quant[i + 8]!;
        s2 = coefficients[at + 16]! * quant[i + 16]!;
        s3 = coefficients[at + 24]! * quant[i + 24]!;
        s4 = coefficients[at + 32]! * quant[i + 32]!;
        s5 = coefficients[at + 40]! * quant[i + 40]!;
        s6 = coefficients[at + 48]! * quant[i + 48]!;
        s7 = coefficients[at + 56]! * quant[i + 56]!;
        if ((s1 | s2 | s3 | s4 | s5 | s6 | s7) === 0) {
          const flat = s0 << between;
          for (let row = 0; row < 64; row += 8) columns[i + row] = flat;
          continue;
        }
      } else {
        const at = i * 8;
        s0 = columns[at]!;
        s1 = columns[at + 1]!;
        s2 = columns[at + 2]!;
        s3 = columns[at + 3]!;
        s4 = columns[at + 4]!;
        s5 = columns[at + 5]!;
        s6 = columns[at + 6]!;
        s7 = columns[at + 7]!;
      }
      // Even part.
      const e = Math.imul(s2 + s6, 4433);
      const e2 = e - Math.imul(s6, 15137);
      const e3 = e + Math.imul(s2, 6270);
      const sum = (s0 + s4) << 13;
      const difference = (s0 - s4) << 13;
      const a0 = sum + e3;
      const a3 = sum - e3;
      const a1 = difference + e2;
      const a2 = difference - e2;
      // Odd part.
      const z5 = Math.imul(s7 + s3 + s5 + s1, 9633);
      const z1 = -Math.imul(s7 + s1, 7373);
      const z2 = -Math.imul(s5 + s3, 20995);
      const z3 = z5 - Math.imul(s7 + s3, 16069);
      const z4 = z5 - Math.imul(s5 + s1, 3196);
      const b0 = Math.imul(s7, 2446) + z1 + z3;
      const b1 = Math.imul(s5, 16819) + z2 + z4;
      const b2 = Math.imul(s3, 25172) + z2 + z3;
      const b3 = Math.imul(s1, 12299) + z1 + z4;
      const [r0, r7] = [(a0 + b3 + half) >> shift, (a0 - b3 + half) >> shift];
      const [r1, r6] = [(a1 + b2 + half) >> shift, (a1 - b2 + half) >> shift];
      const [r2, r5] = [(a2 + b1 + half) >> shift, (a2 - b1 + half) >> shift];
      const [r3, r4] = [(a3 + b0 + half) >> shift, (a3 - b0 + half) >> shift];
      if (pass === 0) {
        columns[i] = r0;
        columns[i + 8] = r1;
        columns[i + 16] = r2;
        columns[i + 24] = r3;
        columns[i + 32] = r4;
        columns[i + 40] = r5;
        columns[i + 48] = r6;
        columns[i + 56] = r7;
      } else {
        const at = to + i * stride;
        out[at] = clamp(r0 + centre, largest);
        out[at + 1] = clamp(r1 + centre, largest);
        out[at + 2] = clamp(r2 + centre, largest);
        out[at + 3] = clamp(r3 + centre, largest);
        out[at + 4] = clamp(r4 + centre, largest);
        out[at + 5] = clamp(r5 + centre, largest);
        out[at + 6] = clamp(r6 + centre, largest);
        out[at + 7] = clamp(r7 + centre, largest);
      }
    }
  }
}

function clamp(value: number, largest: number): number {
  return value < 0 ? 0 : Math.min(value, largest);
}

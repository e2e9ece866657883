const longest = 16;

/**
 * A number as DICOM's decimal text, which has at most 16 characters: exactly where they suffice, as they do for every
 * number that was read from such a text, else rounded to what fits.
 *
 * @example decimalString(-249.51171875); // "-249.51171875"
 */
export function decimalString(value: number): string {
  const exact = [String(value + 0), value.toExponential()].find(
    (text) => text.length <= longest && Number(text) === value,
  );
  if (exact !== undefined) return exact;
  for (let digits = 16; digits > 1; digits--) {
    const rounded = value.toPrecision(digits);
    const shortest = [rounded, String(Number(rounded)), Number(rounded).toExponential()].find(
      (text) => text.length <= longest,
    );
    if (shortest !== undefined) return shortest;
  }
  return value.toExponential(1);
}

/** Several, as one value. */
export function decimalStrings(values: readonly number[]): string {
  return values.map(decimalString).join("\\");
}

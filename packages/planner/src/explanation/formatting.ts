/** Numbers as a person reads them; used by every sentence of the explanation, so that they look alike. */

/** `times([40, 56, 40])` → "40 × 56 × 40" */
export function times(values: readonly number[]): string {
  return values.map(short).join(" × ");
}

/** Up to five significant digits, thousands apart: 12,600,000; 0.7676; 31.25 */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const rounded = Number.isInteger(value) ? value : Number(value.toPrecision(5));
  const [whole, fraction] = String(rounded).split(".");
  if (whole!.includes("e")) return String(rounded);
  const grouped = thousandsApart(whole!);
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** "-1234567" → "-1,234,567" */
function thousandsApart(whole: string): string {
  const sign = whole.startsWith("-") ? "-" : "";
  const groups: string[] = [];
  for (let end = whole.length; end > sign.length; end -= 3) {
    groups.unshift(whole.slice(Math.max(sign.length, end - 3), end));
  }
  return sign + groups.join(",");
}

/** `percent(0.05)` → "5 %" */
export function percent(fraction: number): string {
  return `${short(Number((fraction * 100).toPrecision(3)))} %`;
}

/** "1.03", always two digits. */
export function factor(value: number): string {
  return value >= 100 ? short(Math.round(value)) : value.toFixed(2);
}

/** `listed(["a", "b", "c"])` → "a, b and c" */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** `counted(1, "case")` → "1 case"; `counted(7, "case")` → "7 cases" */
export function counted(n: number, noun: string, plural = `${noun}s`): string {
  return `${short(n)} ${n === 1 ? noun : plural}`;
}

/**
 * Any value of a plan as text. Lists of numbers are one number per axis, "40 × 56 × 40", or if not `perAxis` just
 * lists, "32, 64"; lists of lists are "1,2,2  2,2,2".
 */
export function shownValue(value: unknown, perAxis = true): string {
  if (value === undefined) return "absent";
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  if (Array.isArray(value)) {
    if (value.some(Array.isArray))
      return value.map((inner) => inner.map((v: unknown) => shownValue(v)).join(",")).join("  ");
    const numbers = value.every((item) => typeof item === "number");
    return value.map((item) => shownValue(item)).join(numbers && perAxis ? " × " : ", ");
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([key, inner]) => `${key} ${shownValue(inner, perAxis)}`)
      .join(", ");
  }
  return String(value);
}

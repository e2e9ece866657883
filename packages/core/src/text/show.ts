import { printableJson, printableName } from "./printable.ts";

/**
 * A short, faithful print of any value for an error message. `JSON.stringify` turns NaN into null, throws on
 * bigint and writes out whole volumes; this does not.
 *
 * @example show(new Float32Array(9)); // "Float32Array(9)"
 * @example show([1, NaN, "a"]); // "[1, NaN, \"a\"]"
 */
export function show(value: unknown): string {
  return showLevel(value, 2);
}

/** Lists inside lists are written out `levels` deep. */
function showLevel(value: unknown, levels: number): string {
  if (typeof value === "string") return printableJson(value.length > 120 ? `${value.slice(0, 117)}...` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name}(${"length" in value ? value.length : value.byteLength})`;
  if (Array.isArray(value)) {
    if (levels === 0 && value.length > 0) return "[…]";
    const shown = value
      .slice(0, 8)
      .map((item) => showLevel(item, levels - 1))
      .join(", ");
    return value.length > 8 ? `[${shown}, … ${value.length} items]` : `[${shown}]`;
  }
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value);
    return `{ ${keys
      .slice(0, 6)
      .map((key) => printableName(key, 40))
      .join(", ")}${keys.length > 6 ? ", …" : ""} }`;
  }
  return Object.is(value, -0) ? "-0" : String(value);
}

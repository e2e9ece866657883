import { alignedColumns, type Fingerprint, InvalidArgumentError } from "@nnunet/core";
import { type ComparedProperty, comparedProperties } from "./compared-properties.ts";
import { drawComparison } from "./draw-comparison.ts";

/** Several datasets side by side, as the paper's Figure 5 shows them. */
export interface FingerprintComparison {
  readonly names: readonly string[];
  readonly properties: readonly ComparedProperty[];
  /** Aligned text, one column per dataset. */
  readonly table: string;
  /** A whole SVG document: one row per property, one dot per dataset at its z-score. */
  readonly svg: string;
}

/**
 * Sets the fingerprints of several datasets side by side.
 *
 * @param fingerprints - by the name under which each is shown
 * @throws {InvalidArgumentError} if there is none
 * @see Isensee et al. 2021, Figure 5 and Table A.1
 */
export function compareFingerprints(fingerprints: Readonly<Record<string, Fingerprint>>): FingerprintComparison {
  const names = Object.keys(fingerprints);
  if (names.length === 0) throw new InvalidArgumentError("fingerprints", "at least one", names);
  const properties = comparedProperties(Object.values(fingerprints));
  const modalities = names.map((name) => [...new Set(fingerprints[name]!.modalities ?? ["unknown"])].join(", "));
  const rows = properties.map(({ property, values }) => [
    property,
    ...values.map((v) => (v === undefined ? "–" : shown(v))),
  ]);
  return {
    names,
    properties,
    table: alignedColumns([["", ...names], ["modality", ...modalities], ...rows]).join("\n"),
    svg: drawComparison(names, properties, modalities),
  };
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

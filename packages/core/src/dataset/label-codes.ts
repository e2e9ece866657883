import type { CodedConcept, LabelCodes } from "../artefacts.ts";
import { isJsonObject } from "../json/is-json-object.ts";
import { fieldName } from "../json/parse-artifact.ts";
import { show } from "../text/show.ts";
import { checkKeys, type Fail } from "./dataset-labels.ts";

/*
 * `label_codes` of dataset.json, a key of ours: what a label is in a terminology such as SNOMED CT, as DICOM writes it.
 * A code by itself says what kind of thing the label is; with `type` there may be its category, a modifier (its side), and
 * the part of the body that it lies in, with a modifier of that.
 */

/** Keys of a code as in DICOM, with the longest text that DICOM allows. */
const codeKeys = { CodeValue: 16, CodingSchemeDesignator: 16, CodeMeaning: 64 } as const;
/** Keys of a label's codes, by what they are called here. */
const partKeys = {
  type: "type",
  category: "category",
  modifier: "modifier",
  anatomicRegion: "anatomic_region",
  anatomicRegionModifier: "anatomic_region_modifier",
} as const satisfies Record<keyof LabelCodes, string>;
const parts = Object.entries(partKeys) as [keyof LabelCodes, string][];

/**
 * @param labels - those of the same dataset.json
 * @param fail - names the field and throws
 * @example labelCodesFromJson({ liver: { CodeValue: "10200004", CodingSchemeDesignator: "SCT", CodeMeaning: "Liver" } },
 *   { background: 0, liver: 1 }, fail)["liver"]?.type.meaning; // "Liver"
 */
export function labelCodesFromJson(
  json: unknown,
  labels: Readonly<Record<string, unknown>>,
  fail: Fail,
): Record<string, LabelCodes> {
  if (!isJsonObject(json)) return fail("label_codes", `expected an object of label name → code, got ${show(json)}`);
  checkKeys(json, "label_codes", fail);
  const names = Object.keys(labels).filter((name) => name !== "background" && name !== "ignore");
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const field = fieldName(["label_codes", name]);
      if (!names.includes(name))
        fail(field, `there is no label of this name, only ${names.map((n) => show(n)).join(", ")}`);
      return [name, codesOf(value, field, fail)];
    }),
  );
}

export function labelCodesToJson(codes: Readonly<Record<string, LabelCodes>>): unknown {
  const coded = ({ value, scheme, meaning }: CodedConcept) => ({
    CodeValue: value,
    CodingSchemeDesignator: scheme,
    CodeMeaning: meaning,
  });
  const partsOf = (own: LabelCodes) => parts.filter(([part]) => own[part] !== undefined);
  return Object.fromEntries(
    Object.entries(codes).map(([name, own]) => [
      name,
      partsOf(own).length > 1
        ? Object.fromEntries(partsOf(own).map(([part, key]) => [key, coded(own[part]!)]))
        : coded(own.type),
    ]),
  );
}

function codesOf(json: unknown, field: string, fail: Fail): LabelCodes {
  if (!isJsonObject(json)) return fail(field, `expected ${form}, got ${show(json)}`);
  const found = json as Record<string, unknown>;
  if (found["type"] === undefined) return { type: codeOf(json, field, fail) };
  const keys = parts.map(([, key]) => key);
  const other = Object.keys(found).find((key) => !keys.includes(key));
  if (other !== undefined) fail(`${field}.${other}`, `expected ${keys.join(", ")} and nothing else`);
  if (found[partKeys.anatomicRegionModifier] !== undefined && found[partKeys.anatomicRegion] === undefined) {
    fail(`${field}.${partKeys.anatomicRegionModifier}`, `expected ${partKeys.anatomicRegion} beside it`);
  }
  const given = parts.filter(([, key]) => found[key] !== undefined);
  const codes = given.map(([part, key]) => [part, codeOf(found[key], `${field}.${key}`, fail)]);
  return Object.fromEntries(codes) as LabelCodes;
}

const form = 'a code such as { "CodeValue": "10200004", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Liver" }';

function codeOf(json: unknown, field: string, fail: Fail): CodedConcept {
  if (!isJsonObject(json)) return fail(field, `expected ${form}, got ${show(json)}`);
  const found = json as Record<string, unknown>;
  const other = Object.keys(found).find((key) => !Object.hasOwn(codeKeys, key));
  if (other !== undefined) fail(`${field}.${other}`, `expected ${Object.keys(codeKeys).join(", ")} and nothing else`);
  const text = (key: keyof typeof codeKeys): string => {
    const value = found[key];
    const where = `${field}.${key}`;
    if (value === undefined) return fail(where, `this key is missing; expected ${form}`);
    const fits = typeof value === "string" && value.length >= 1 && value.length <= codeKeys[key];
    if (!fits || !isPlain(value) || (key !== "CodeMeaning" && !/^[ -~]*$/.test(value))) {
      const letters = key === "CodeMeaning" ? "" : " of ASCII";
      const kind = `text of 1 to ${codeKeys[key]} characters${letters} in quotation marks, without a backslash`;
      return fail(where, `expected ${kind}, got ${show(value)}`);
    }
    return value;
  };
  return { value: text("CodeValue"), scheme: text("CodingSchemeDesignator"), meaning: text("CodeMeaning") };
}

/** No control characters, no backslash (DICOM separates values by it), no spaces around. */
function isPlain(text: string): boolean {
  return !/[\\\p{Cc}]/u.test(text) && text.trim() === text;
}

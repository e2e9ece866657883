import { isJsonObject } from "../json/is-json-object.ts";
import { mostLabels } from "../json/artefact-bounds.ts";
import { fieldName } from "../json/parse-artifact.ts";
import { reservedNameProblem } from "../path-segment.ts";
import { show } from "../text/show.ts";

/** Throws for the file that is being read. */
export type Fail = (field: string, problem: string) => never;

/** Names that JavaScript reserves are refused by name: zod would leave `__proto__` out without a word. */
export function checkKeys(value: unknown, field: string, fail: Fail): void {
  if (!isJsonObject(value)) return;
  for (const key of Object.keys(value)) {
    const problem = reservedNameProblem(key);
    if (problem !== undefined) fail(field, `${problem}, got ${show(key)}`);
  }
}

export function atMost(count: number, largest: number, what: string, field: string, fail: Fail): void {
  if (count > largest) fail(field, `expected at most ${largest} ${what}, got ${count}`);
}

/** The Decathlon's and nnU-Net v1's table, id → name. */
export function hasIdToNameLabels(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value);
  return entries.length > 0 && entries.every(([key, name]) => /^\d+$/.test(key) && typeof name === "string");
}

/** v2's table, name → id. */
export function invertLabels(table: Record<string, string>, fail: Fail): Record<string, number> {
  const byName: Record<string, number> = {};
  for (const [id, name] of Object.entries(table)) {
    // The Decathlon's "Background" is v2's "background".
    const key = Number(id) === 0 ? "background" : name;
    const problem = reservedNameProblem(name);
    if (problem !== undefined) fail(`labels.${id}`, `${problem}, got ${show(name)}`);
    if (Object.hasOwn(byName, key))
      fail(`labels.${id}`, `the name ${show(key)} is used twice; give each label its own name`);
    byName[key] = Number(id);
  }
  return byName;
}

/** Background is 0, ids are given once, "ignore" is the highest. */
export function checkLabels(table: Record<string, number | number[]>, fail: Fail): void {
  const background = table["background"];
  if (background === undefined) fail("labels", `there is no "background"; add "background": 0`);
  if (background !== 0 && !(Array.isArray(background) && background.length === 1 && background[0] === 0)) {
    fail("labels.background", `expected 0, got ${show(background)}`);
  }
  atMost(Object.keys(table).length, mostLabels, "labels", "labels", fail);
  let highest = 0;
  for (const [name, value] of Object.entries(table)) {
    const field = fieldName(["labels", name]);
    const ids = typeof value === "number" ? [value] : value;
    atMost(ids.length, mostLabels, "ids of a region", field, fail);
    if (new Set(ids).size < ids.length) fail(field, "expected each id of a region once");
    for (const id of ids) highest = Math.max(highest, id);
  }
  const seen = new Map<number, string>();
  for (const [name, value] of Object.entries(table)) {
    if (typeof value !== "number") continue;
    const first = seen.get(value);
    if (first !== undefined) fail(fieldName(["labels", name]), `the id ${value} already belongs to ${show(first)}`);
    seen.set(value, name);
  }
  const ignore = table["ignore"];
  if (ignore === undefined) return;
  const used = Object.entries(table).some(([name, value]) => name !== "ignore" && [value].flat().includes(highest));
  if (ignore !== highest || used) {
    fail("labels.ignore", `expected one id higher than every other label, got ${show(ignore)}`);
  }
}

/** Regions need one label to write for each. */
export function checkRegions(table: Record<string, number | number[]>, order: number[] | undefined, fail: Fail): void {
  const foreground = Object.entries(table).filter(([name]) => name !== "background" && name !== "ignore");
  if (!foreground.some(([, value]) => Array.isArray(value) && value.length > 1)) return;
  if (order === undefined) {
    fail("regions_class_order", "this key is missing; labels with several ids need the label to write for each region");
  } else if (order.length !== foreground.length) {
    fail("regions_class_order", `expected one label per region (${foreground.length}), got ${order.length}`);
  }
}

import { InvalidArtifactError } from "@nnunet/core";
import { NumpyArray } from "./numpy.ts";
import { PickleDict, PickleObject, PickleSet, PickleTuple } from "./pickle-values.ts";

/** As `parseJson` counts: a fingerprint of 100,000 cases has 2 million. */
const mostValues = 4_000_000;
const deepest = 100;

/**
 * A value of a pickle as plain JSON: dictionaries become objects, tuples, sets and NumPy arrays lists, and whatever is
 * none of these null. A value that is stored once and referred to often is counted each time, so that a small pickle
 * cannot become a huge object, and one that contains itself is refused.
 *
 * @throws {InvalidArtifactError} if it is deeper than 100 levels or has more than four million values
 */
export function plainValue(value: unknown, path: string, field: string): unknown {
  let left = mostValues;
  const tooMany = () =>
    new InvalidArtifactError(path, field, `has more than ${mostValues.toLocaleString("en")} values`);
  const plain = (each: unknown, depth: number): unknown => {
    if (depth > deepest) {
      throw new InvalidArtifactError(path, field, `nests deeper than ${deepest} levels, or contains itself`);
    }
    if (--left < 0) throw tooMany();
    const list = (items: Iterable<unknown>) => Array.from(items, (item) => plain(item, depth + 1));
    if (Array.isArray(each)) return list(each);
    if (each instanceof PickleTuple || each instanceof PickleSet) return list(each.items);
    if (each instanceof NumpyArray) {
      if (each.count > left) throw tooMany();
      return plain(each.nested(), depth);
    }
    if (each instanceof PickleDict) {
      const object: Record<string, unknown> = Object.create(null);
      for (const [key, item] of each.entries) object[keyText(key, depth)] = plain(item, depth + 1);
      return { ...object };
    }
    if (typeof each === "bigint") return Number(each);
    if (typeof each === "object" || each === undefined) return null;
    return each;
  };
  const keyText = (key: unknown, depth: number): string => {
    if (typeof key === "string" || typeof key === "number") return String(key);
    return key instanceof PickleObject ? key.path : JSON.stringify(plain(key, depth + 1));
  };
  return plain(value, 0);
}

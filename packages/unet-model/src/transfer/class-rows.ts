import { elementCount, listed } from "@nnunet/core";
import type { WeightTensor } from "../weights.ts";
import type { NetworkMeaning } from "./network-meaning.ts";
import { copied, otherShape, sameShape, type Transferred } from "./transferred-tensor.ts";

/**
 * A head's weight [class, feature, …] or bias [class] for other classes than it was trained for: those of the same name are
 * copied, the others keep their initial values. Where no class but the background has the same name there is nothing that the
 * rows would tell apart, and all keep them.
 */
export function classRows(
  own: WeightTensor,
  found: WeightTensor,
  { classes, regions = false }: NetworkMeaning,
  before: NetworkMeaning,
): Transferred {
  if (!sameShape(own.shape.slice(1), found.shape.slice(1))) return otherShape(own.shape, found.shape);
  if (!classes || !before.classes) return { is: "initialised", why: "the classes of the model are not known" };
  if (regions !== (before.regions ?? false)) {
    const [theirs, ours] = before.regions ? ["regions", "classes"] : ["classes", "regions"];
    return { is: "initialised", why: `the model tells ${theirs} apart, not ${ours}` };
  }
  const sources = classes.map((name) => before.classes!.indexOf(name));
  const shared = classes.filter((_, i) => sources[i]! >= 0 && (regions || i > 0));
  if (shared.length === 0) return { is: "initialised", why: "the model has no class of these names" };
  if (sameShape(own.shape, found.shape) && sources.every((at, i) => at === i)) return copied(found);
  const row = elementCount(own.shape.slice(1));
  const data = own.data.slice();
  for (const [i, source] of sources.entries()) {
    if (source >= 0) data.set(found.data.subarray(source * row, (source + 1) * row), i * row);
  }
  const fresh = classes.filter((_, i) => sources[i]! < 0);
  const initialised = fresh.length > 0 ? `, ${listed(fresh)} initialised` : "";
  return { is: "adapted", tensor: { data, shape: own.shape }, why: `${listed(shared)} by name${initialised}` };
}

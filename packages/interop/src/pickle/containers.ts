import { PickleDict, type PickleGlobal, PickleSet, PickleTuple } from "./pickle-values.ts";

/**
 * Python's own containers that are made by a call: `collections.OrderedDict()`, `set([…])`. What is handed in is taken
 * over and not copied: a program that makes a million lists of one long list must not take a million times its memory.
 *
 * @returns undefined for what is none of them
 */
export function constructContainer({ module, name }: PickleGlobal, args: readonly unknown[]): unknown {
  const isEmpty = args.length === 0;
  if (module === "collections" && ((name === "OrderedDict" && isEmpty) || name === "defaultdict"))
    return new PickleDict();
  if (module !== "builtins" && module !== "__builtin__") return undefined;
  if (name === "dict" && isEmpty) return new PickleDict();
  const [items = []] = args;
  const list = items instanceof PickleTuple ? items.items : Array.isArray(items) ? items : undefined;
  if (list === undefined) return undefined;
  if (name === "set" || name === "frozenset") return new PickleSet(list as unknown[]);
  if (name === "tuple") return new PickleTuple(list);
  return name === "list" ? list : undefined;
}

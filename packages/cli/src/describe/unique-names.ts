/** The names, those that occur again numbered: `uniqueNames(["a", "b", "a"])` → ["a", "b", "a (2)"] */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name} (${n})`;
    taken.add(unique);
    return unique;
  });
}

import { readFileSync } from "node:fs";

/**
 * The packages and Node modules that a source file imports, directly or by way of files of its package: what a bundler
 * cannot leave out. Types count, `import(…)` does not.
 *
 * @param url - of the file
 * @returns sorted
 */
export function staticImports(url: URL): string[] {
  const names = new Set<string>();
  const seen = new Set<string>();
  const visit = (file: URL) => {
    if (seen.has(file.href)) return;
    seen.add(file.href);
    const code = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
    for (const [, name] of code.matchAll(/^(?:import|export)[^"]*? from "([^"]+)"/gms)) {
      if (name!.startsWith(".")) visit(new URL(name!, file));
      else names.add(name!);
    }
  };
  visit(url);
  return [...names].sort();
}

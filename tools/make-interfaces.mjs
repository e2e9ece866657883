#!/usr/bin/env node
/**
 * Writes docs/interfaces.md: what every package exports, with its signature and the first sentence of its docstring,
 * read from the types themselves.
 *
 *   node tools/make-interfaces.mjs            write it
 *   node tools/make-interfaces.mjs --check    fail if it is not what the types say (part of `npm run lint`)
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "docs/interfaces.md");
// In the order of the data flow.
const packages = [
  "core",
  "kernels",
  "io",
  "fingerprint",
  "planner",
  "preprocess",
  "augment",
  "unet-model",
  "trainer",
  "inference",
  "postprocess",
  "evaluate",
  "report",
  "pipeline",
  "cli",
];

const entries = packages.flatMap((name) => {
  const manifest = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"));
  return Object.entries(manifest.exports)
    .filter(([, value]) => value["@nnunet/source"] !== undefined)
    .map(([path, value]) => ({
      name: join(manifest.name, path),
      description: path === "." ? manifest.description : "",
      file: join(root, "packages", name, value["@nnunet/source"]),
    }));
});
const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile).config,
  ts.sys,
  root,
);
const program = ts.createProgram(
  entries.map(({ file }) => file),
  { ...options, noEmit: true, composite: false, incremental: false, allowImportingTsExtensions: true },
);
const checker = program.getTypeChecker();

const sections = entries.map(({ name, description, file }) => {
  const module = checker.getSymbolAtLocation(program.getSourceFile(file));
  const exported = checker.getExportsOfModule(module).map(described);
  const rows = (kind) => exported.filter((e) => e.kind === kind).sort((a, b) => (a.name < b.name ? -1 : 1));
  const values = rows("value").map((e) => `- \`${e.name}${e.signature}\`${e.summary && ` — ${e.summary}`}`);
  const types = rows("type").map(({ name: type }) => `\`${type}\``);
  const parts = [`## ${name}`, description, values.join("\n"), types.length > 0 ? `Types: ${types.join(", ")}.` : ""];
  return parts.filter(Boolean).join("\n\n");
});
const text = `# Who exports what

Made from the types by \`node tools/make-interfaces.mjs\`; docstrings say more. Shapes and spacings are [z, y, x], arrays
[channel, z, y, x], lengths mm.

${sections.join("\n\n")}
`;

if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (!existsSync(target) || readFileSync(target, "utf8") !== text) {
  console.error("docs/interfaces.md is not what the types say; run `node tools/make-interfaces.mjs`");
  process.exit(1);
}

function described(symbol) {
  const original = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const { name } = symbol;
  if (!(original.flags & ts.SymbolFlags.Value)) return { kind: "type", name };
  const declaration = original.valueDeclaration ?? original.declarations[0];
  const type = checker.getTypeOfSymbolAtLocation(original, declaration);
  return { kind: "value", name, signature: signatureOf(original, type), summary: summaryOf(original) };
}

/** `(path, options?): Promise<Volume>`: names of parameters and the type that comes back. */
function signatureOf(symbol, type) {
  if (symbol.flags & ts.SymbolFlags.Class) return "";
  const [signature] = type.getCallSignatures();
  if (!signature) return `: ${shortType(type)}`;
  const parameters = signature.parameters.map((parameter) => {
    const declaration = parameter.valueDeclaration;
    const optional = declaration?.questionToken || declaration?.initializer ? "?" : "";
    const named = ts.isIdentifier(declaration.name) ? parameter.name : "options";
    return `${declaration.dotDotDotToken ? "..." : ""}${named}${optional}`;
  });
  return `(${parameters.join(", ")}): ${shortType(signature.getReturnType())}`;
}

function shortType(type) {
  const written = checker.typeToString(type, undefined, ts.TypeFormatFlags.None).replace(/\s+/g, " ");
  return written.length > 90 ? `${written.slice(0, 89)}…` : written;
}

/** The first sentence. */
function summaryOf(symbol) {
  const comment = ts
    .displayPartsToString(symbol.getDocumentationComment(checker))
    .split("\n\n")[0]
    .replace(/\s+/g, " ")
    .replace(/\{@link (\w+)\}/g, "`$1`");
  return /^.*?[.!?](?= [A-Z`{]|$)/.exec(comment)?.[0] ?? comment;
}

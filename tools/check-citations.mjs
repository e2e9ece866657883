#!/usr/bin/env node
/**
 * Keeps what is cited findable. Run by `npm run lint`; `node tools/check-citations.mjs FOLDER` checks another checkout.
 *
 * - "docs/method.md §2.7" names a heading of docs/method.md, "§0 item 14" an entry of its §0, "§4.3, step 9" a row of
 *   the table there, and §3, "Class locations" a heading within §3
 * - nothing cites facts.md, the working sheet that docs/method.md replaces
 * - a relative link in a document (at the root, in docs/, a package's README) leads to a file that exists
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), ".."));
const problems = [];
const sections = readSections(readFileSync(join(root, "docs/method.md"), "utf8"));

const self = fileURLToPath(import.meta.url);
const folders = ["bench", "docs", "examples", "packages", "tools"].filter((name) => existsSync(join(root, name)));
const files = [...readdirSync(root).filter((name) => name.endsWith(".md")), ...folders.flatMap(filesBelow)];
let citations = 0;
for (const file of files) {
  const text = readFileSync(join(root, file), "utf8");
  checkCitations(file, text);
  if (/facts\.md/.test(text)) problems.push(`${file}: cites facts.md, which is not shipped; cite docs/method.md`);
  if (/^([^/]+|docs\/.*|packages\/[^/]+\/README)\.md$/.test(file)) checkLinks(file, text);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error(`${problems.length} citations or links lead nowhere`);
  process.exit(1);
}
console.log(`${citations} citations of docs/method.md and all relative links lead somewhere`);

/** Sources and documents, relative to the root; nothing that was built or installed. */
function filesBelow(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return /^(dist|node_modules|\..*)$/.test(entry.name) ? [] : filesBelow(path);
    return /\.(ts|mjs|md|py)$/.test(path) && resolve(root, path) !== self ? [path] : [];
  });
}

/** Number → the text of the section, that of its subsections included. */
function readSections(text) {
  const headings = [...text.matchAll(/^#+ (\d+(?:\.\d+)?) .*$/gm)];
  return new Map(
    headings.map((heading) => {
      const [, number] = heading;
      const next = headings.find(({ index, 1: other }) => index > heading.index && !other.startsWith(`${number}.`));
      return [number, text.slice(heading.index, next?.index)];
    }),
  );
}

function checkCitations(file, text) {
  // The name may be a link, and a citation may go on after a line break, behind the asterisk of a docstring.
  const cited = /method\.md\)?\s(?:§[\d.]*\d|, "[^"]+"|\([a-c]\)|items? \d+|steps? \d+|,? ?and|to|\d+|[\s,*])+/g;
  for (const { 0: match, index } of text.matchAll(cited)) {
    const where = `${file}:${text.slice(0, index).split("\n").length}`;
    const citation = match.replace(/[\s*]+/g, " ");
    let section;
    for (const [part, number] of citation.matchAll(/§(\d+(?:\.\d+)?)|\([a-c]\)|items? [\d, and]+|step \d+|"[^"]+"/g)) {
      if (number !== undefined) {
        citations++;
        section = sections.get(number);
        if (section === undefined) problems.push(`${where}: docs/method.md has no section ${number}`);
      } else if (!has(section ?? "", part)) {
        problems.push(`${where}: docs/method.md has no ${part.trim()} in the section cited before it`);
      }
    }
  }
}

function has(section, part) {
  if (part.startsWith('"')) return section.includes(`# ${part.slice(1, -1)}\n`);
  if (part.startsWith("(")) return section.includes(`# ${part} `);
  const numbers = part.match(/\d+/g);
  const start = part.startsWith("step") ? (n) => `| ${n} |` : (n) => `${n}. `;
  return numbers.every((n) => section.split("\n").some((line) => line.startsWith(start(n))));
}

function checkLinks(file, text) {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
  for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:|^#/.test(target)) continue;
    const path = join(root, dirname(file), target.split("#")[0]);
    if (!existsSync(path)) problems.push(`${file}: the link to ${target} leads nowhere`);
  }
}

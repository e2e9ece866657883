#!/usr/bin/env node
/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out because the registry used
 * when locking did not have them. Without them `npm ci` refuses the lock file everywhere, and a Mac or a Windows
 * machine would miss the native parts of the test tools. Run it after every `npm install` that changed the lock.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const lock = JSON.parse(readFileSync(path, "utf8"));
const systems = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "ppc64", "riscv64", "s390x", "x64"];
let added = 0;

for (const [parent, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key] || lock.packages[`${parent}/${key}`]) continue;
    const words = name.split(/[-/]/);
    const os = systems.find((s) => words.includes(s));
    const cpu = processors.find((p) => words.includes(p));
    if (!os || !cpu) continue;
    const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") ? ["glibc"] : undefined;
    lock.packages[key] = { version, cpu: [cpu], ...(libc && { libc }), dev: true, optional: true, os: [os] };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} packages of other platforms added to package-lock.json`);

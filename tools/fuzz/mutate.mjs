/*
 * Mutants: what transfers, disks, careless programs and people with bad intentions do to a file. The same seed and
 * number give the same mutant on every machine.
 */

/** Numbers in [0, 1), by a 32-bit mixer (mulberry32). */
export function seededRandom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] };
}

/**
 * One to four changes of the bytes: bits, bytes, numbers, cuts, insertions, repetitions and copies.
 *
 * @param next - numbers in [0, 1)
 * @param head - half of the changes fall into the first bytes, where headers are
 */
export function mutateBytes(bytes, next, head = 1024) {
  const below = (n) => Math.floor(next() * n);
  const pick = (list) => list[below(list.length)];
  let mutant = Buffer.from(bytes);
  for (let n = 1 + below(4); n > 0 && mutant.length > 0; n--) {
    const at = below(next() < 0.5 ? Math.min(head, mutant.length) : mutant.length);
    const length = 1 + below(8);
    const end = Math.min(mutant.length, at + length);
    const [before, after] = [mutant.subarray(0, at), mutant.subarray(at)];
    const kind = below(10);
    if (kind === 0) mutant[at] ^= 1 << below(8);
    else if (kind === 1) mutant[at] = pick(bytesThatMatter);
    else if (kind === 2) mutant = before;
    else if (kind === 3) mutant = Buffer.concat([mutant, Buffer.alloc(length, below(256))]);
    else if (kind === 4) mutant = Buffer.concat([before, mutant.subarray(end)]);
    else if (kind === 5) mutant = Buffer.concat([mutant.subarray(0, pick([end, at + 8 * length])), after]);
    else if (kind === 6) mutant.fill(below(256), at, end);
    else if (kind === 7) mutant.copy(mutant, at, below(mutant.length), pick([mutant.length, at + length]));
    else if (kind === 8) mutant = Buffer.concat([before, Buffer.alloc(length, below(256)), after]);
    else if (at + 4 <= mutant.length) mutant.writeUInt32LE(pick(integers), at);
    mutant = Buffer.from(mutant);
  }
  return mutant;
}

const bytesThatMatter = [0, 1, 0x08, 0x0a, 0x20, 0x22, 0x2d, 0x30, 0x39, 0x5b, 0x7f, 0x80, 0xff];
const integers = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x10000, 0x40000000];

/** Values that do not belong where numbers, texts, lists and tables are expected. */
const strange = [
  null,
  true,
  "",
  "..",
  "../../x",
  "a\u0000b",
  "\u202egnp",
  "__proto__",
  "constructor",
  "NaN",
  "x".repeat(5000),
  0,
  -0,
  -1,
  0.5,
  1e308,
  -1e308,
  1e-300,
  2 ** 30,
  2 ** 31,
  2 ** 53,
  [],
  [[]],
  {},
  [null],
  Array.from({ length: 300 }, (_, i) => i),
];

/** One to three changes of a parsed JSON: a value replaced, removed, doubled, or put under another key. */
export function mutateJson(json, random) {
  const root = { value: structuredClone(json) };
  for (let n = 1 + random.below(3); n > 0; n--) {
    const places = [];
    const visit = (parent, key) => {
      places.push([parent, key]);
      const value = parent[key];
      if (typeof value === "object" && value !== null) for (const inner of Object.keys(value)) visit(value, inner);
    };
    visit(root, "value");
    const [parent, key] = random.pick(places);
    const [otherParent, otherKey] = random.pick(places);
    const kind = random.below(6);
    if (kind <= 1) parent[key] = structuredClone(random.pick(strange));
    else if (kind === 2 && parent !== root) delete parent[key];
    else if (kind === 3) parent[key] = structuredClone(otherParent[otherKey]);
    else if (kind === 4 && typeof parent[key] === "number") parent[key] *= random.pick([-1, 0, 1e9, 1e-9, 2, 1.5]);
    else if (kind === 5 && !Array.isArray(parent)) {
      const name = random.pick(["__proto__", "constructor", "..", "", "0", "a/b", "k".repeat(300)]);
      Object.defineProperty(parent, name, { value: parent[key], enumerable: true, configurable: true, writable: true });
    }
  }
  return root.value;
}

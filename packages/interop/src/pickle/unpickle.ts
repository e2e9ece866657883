import { InvalidArtifactError } from "@nnunet/core";
import { numberFromLine, PickleBytes, PickleFault } from "./pickle-bytes.ts";
import { isBuildable, PickleDict, PickleGlobal, PickleObject, PickleSet, PickleTuple } from "./pickle-values.ts";

export interface UnpickleOptions {
  /**
   * Makes a value of a constructor that is known. Whatever it does not know becomes an inert {@link PickleObject}.
   *
   * @returns undefined for one that it does not know
   */
  readonly construct?: (global: PickleGlobal, args: readonly unknown[]) => unknown;
  /** What a persistent id stands for; without it such a pickle is refused. */
  readonly persistent?: (id: unknown) => unknown;
  /** Where in the file the pickle stands, for errors. */
  readonly field?: string;
}

/** Steps of a program. A checkpoint of nnU-Net has some 20,000, the plans of a v1 model of 1000 cases 300,000. */
const mostSteps = 5_000_000;

/**
 * Runs a pickle program (protocols 0 to 5) as what it can be at its best: a description of data. Nothing of it is ever
 * executed: a class or function that it names is a name, and a call of it a record, except for the few constructors of
 * data that `construct` knows. Memory is bounded by the length of the program; no recursion, so no depth is too deep.
 *
 * @param path - named in errors
 * @returns the value, and where the program ended (programs follow each other in old files)
 * @throws {InvalidArtifactError} if it is cut off or damaged, or needs more than five million steps
 */
export function unpickle(
  bytes: Uint8Array,
  path: string,
  options: UnpickleOptions = {},
): { readonly value: unknown; readonly end: number } {
  const machine = new PickleMachine(new PickleBytes(bytes), options);
  try {
    return machine.run();
  } catch (error) {
    if (!(error instanceof PickleFault)) throw error;
    const problem = `is no whole pickle (${error.message}); the file is damaged or of another kind, get it again`;
    throw new InvalidArtifactError(path, options.field ?? "", problem);
  }
}

const MARK = Symbol("mark");

class PickleMachine {
  readonly #in: PickleBytes;
  readonly #options: UnpickleOptions;
  #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(bytes: PickleBytes, options: UnpickleOptions) {
    this.#in = bytes;
    this.#options = options;
  }

  run(): { value: unknown; end: number } {
    for (let step = 0; step < mostSteps; step++) {
      const code = this.#in.uint8();
      if (code === 0x2e) return { value: this.#pop(), end: this.#in.at }; // STOP
      const operation = operations[code];
      if (operation === undefined) throw new PickleFault(`it has the unknown operation 0x${code.toString(16)}`);
      operation(this, this.#in);
    }
    throw new PickleFault(`it has more than ${mostSteps.toLocaleString("en")} steps`);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop = (): unknown => this.#pop();

  #pop(): unknown {
    if (this.#stack.length === 0) throw new PickleFault("it takes a value that is not there");
    const value = this.#stack.pop();
    if (value === MARK) throw new PickleFault("it takes a value that is not there");
    return value;
  }

  mark(): void {
    this.#stack.push(MARK);
  }

  /** Everything above the last mark, which goes, too. */
  popToMark(): unknown[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw new PickleFault("it looks for a mark that is not there");
    const values = this.#stack.splice(at + 1);
    this.#stack.pop();
    return values;
  }

  top(): unknown {
    const value = this.#stack.at(-1);
    if (this.#stack.length === 0 || value === MARK) throw new PickleFault("it takes a value that is not there");
    return value;
  }

  /** POP takes a mark as well. */
  drop(): void {
    if (this.#stack.length === 0) throw new PickleFault("it takes a value that is not there");
    this.#stack.pop();
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) throw new PickleFault("it recalls a value that it has not stored");
    this.push(this.#memo.get(index));
  }

  persistent(id: unknown): void {
    const { persistent } = this.#options;
    if (!persistent) throw new PickleFault("it refers to values outside of it");
    this.push(persistent(id));
  }

  call(callee: unknown, args: unknown): void {
    const known =
      callee instanceof PickleGlobal && args instanceof PickleTuple
        ? this.#options.construct?.(callee, args.items)
        : undefined;
    this.push(known === undefined ? new PickleObject(callee, args) : known);
  }

  build(): void {
    const state = this.#pop();
    const value = this.top();
    if (value instanceof PickleObject) value.given.push(state);
    else if (isBuildable(value)) value.setState(state);
    // The state of a dictionary is the attributes of its object, such as the versions of a state_dict's modules.
    else if (!(value instanceof PickleDict)) throw new PickleFault("it gives a state to a plain value");
  }

  append(items: readonly unknown[]): void {
    const list = this.top();
    if (Array.isArray(list)) for (const item of items) list.push(item);
    else if (list instanceof PickleObject) list.given.push(items);
    else throw new PickleFault("it adds items to something that is no list");
  }

  add(items: readonly unknown[]): void {
    const set = this.top();
    if (set instanceof PickleSet) for (const item of items) set.items.push(item);
    else if (set instanceof PickleObject) set.given.push(items);
    else throw new PickleFault("it adds items to something that is no set");
  }

  fill(pairs: readonly unknown[]): void {
    const dict = this.top();
    if (pairs.length % 2 !== 0) throw new PickleFault("it has a key without a value");
    if (dict instanceof PickleObject) dict.given.push(pairs);
    else if (dict instanceof PickleDict) setItems(dict, pairs);
    else throw new PickleFault("it sets keys of something that is no dictionary");
  }

  dict(pairs: readonly unknown[]): void {
    if (pairs.length % 2 !== 0) throw new PickleFault("it has a key without a value");
    const dict = new PickleDict();
    setItems(dict, pairs);
    this.push(dict);
  }
}

function setItems(dict: PickleDict, pairs: readonly unknown[]): void {
  for (let i = 0; i < pairs.length; i += 2) {
    const key = pairs[i];
    if (Array.isArray(key) || key instanceof PickleDict || key instanceof PickleSet) {
      throw new PickleFault("it has a key that Python refuses: a list, a dictionary or a set");
    }
    dict.entries.set(key, pairs[i + 1]);
  }
}

type Operation = (machine: PickleMachine, bytes: PickleBytes) => void;

const tupleOf =
  (count: number): Operation =>
  (m) => {
    const items = Array.from({ length: count }, m.pop).reverse();
    m.push(new PickleTuple(items));
  };

const constant =
  (value: unknown): Operation =>
  (m) =>
    m.push(value);

const operations: Readonly<Record<number, Operation>> = {
  40: (m) => m.mark(), // ( MARK
  48: (m) => m.drop(), // 0 POP
  49: (m) => void m.popToMark(), // 1 POP_MARK
  50: (m) => m.push(m.top()), // 2 DUP
  70: (m, b) => m.push(floatFromLine(b.line())), // F FLOAT
  73: (m, b) => m.push(integerFromLine(b.line())), // I INT
  74: (m, b) => m.push(b.int32()), // J BININT
  75: (m, b) => m.push(b.uint8()), // K BININT1
  76: (m, b) => m.push(numberFromLine(b.line())), // L LONG
  77: (m, b) => m.push(b.uint16()), // M BININT2
  78: constant(null), // N NONE
  80: (m, b) => m.persistent(b.line()), // P PERSID
  81: (m) => m.persistent(m.pop()), // Q BINPERSID
  82: (m) => {
    const args = m.pop(); // R REDUCE
    m.call(m.pop(), args);
  },
  83: (m, b) => m.push(unquoted(b.line())), // S STRING
  84: (m, b) => m.push(b.text(lengthOf(b.int32()))), // T BINSTRING
  85: (m, b) => m.push(b.text(b.uint8())), // U SHORT_BINSTRING
  86: (m, b) => m.push(b.line()), // V UNICODE
  88: (m, b) => m.push(b.text(b.uint32())), // X BINUNICODE
  97: (m) => {
    const item = m.pop(); // a APPEND
    m.append([item]);
  },
  98: (m) => m.build(), // b BUILD
  99: (m, b) => m.push(new PickleGlobal(b.line(), b.line())), // c GLOBAL
  100: (m) => m.dict(m.popToMark()), // d DICT
  125: (m) => m.push(new PickleDict()), // } EMPTY_DICT
  101: (m) => m.append(m.popToMark()), // e APPENDS
  103: (m, b) => m.recall(indexFromLine(b.line())), // g GET
  104: (m, b) => m.recall(b.uint8()), // h BINGET
  105: (m, b) => {
    const global = new PickleGlobal(b.line(), b.line()); // i INST
    m.call(global, new PickleTuple(m.popToMark()));
  },
  106: (m, b) => m.recall(b.uint32()), // j LONG_BINGET
  108: (m) => m.push(m.popToMark()), // l LIST
  93: (m) => m.push([]), // ] EMPTY_LIST
  111: (m) => {
    const [callee, ...args] = m.popToMark(); // o OBJ
    m.call(callee, new PickleTuple(args));
  },
  112: (m, b) => m.remember(indexFromLine(b.line())), // p PUT
  113: (m, b) => m.remember(b.uint8()), // q BINPUT
  114: (m, b) => m.remember(b.uint32()), // r LONG_BINPUT
  115: (m) => {
    const value = m.pop(); // s SETITEM
    m.fill([m.pop(), value]);
  },
  116: (m) => m.push(new PickleTuple(m.popToMark())), // t TUPLE
  41: constant(new PickleTuple([])), // ) EMPTY_TUPLE
  117: (m) => m.fill(m.popToMark()), // u SETITEMS
  71: (m, b) => m.push(b.float64()), // G BINFLOAT
  128: (_m, b) => {
    const version = b.uint8(); // PROTO
    if (version > 5) throw new PickleFault(`it is of protocol ${version}, which is newer than 5`);
  },
  129: (m) => {
    const args = m.pop(); // NEWOBJ
    m.call(m.pop(), args);
  },
  133: tupleOf(1),
  134: tupleOf(2),
  135: tupleOf(3),
  136: constant(true),
  137: constant(false),
  138: (m, b) => m.push(b.wholeNumber(b.uint8())), // LONG1
  139: (m, b) => m.push(b.wholeNumber(lengthOf(b.int32()))), // LONG4
  66: (m, b) => m.push(b.take(b.uint32()).slice()), // B BINBYTES
  67: (m, b) => m.push(b.take(b.uint8()).slice()), // C SHORT_BINBYTES
  140: (m, b) => m.push(b.text(b.uint8())), // SHORT_BINUNICODE
  141: (m, b) => m.push(b.text(b.uint64())), // BINUNICODE8
  142: (m, b) => m.push(b.take(b.uint64()).slice()), // BINBYTES8
  143: (m) => m.push(new PickleSet()), // EMPTY_SET
  144: (m) => m.add(m.popToMark()), // ADDITEMS
  145: (m) => {
    const set = new PickleSet(); // FROZENSET
    const items = m.popToMark();
    m.push(set);
    m.add(items);
  },
  146: (m) => {
    const [keywords, args, callee] = [m.pop(), m.pop(), m.pop()]; // NEWOBJ_EX
    m.push(new PickleObject(callee, new PickleTuple([args, keywords])));
  },
  147: (m) => {
    const [name, module] = [m.pop(), m.pop()]; // STACK_GLOBAL
    if (typeof name !== "string" || typeof module !== "string") throw new PickleFault("it names a class by no text");
    m.push(new PickleGlobal(module, name));
  },
  148: (m) => m.memoize(), // MEMOIZE
  149: (_m, b) => {
    const length = b.uint64(); // FRAME: the next bytes belong together, which matters to streams only
    const here = b.at;
    b.take(length);
    b.at = here;
  },
  150: (m, b) => m.push(b.take(b.uint64()).slice()), // BYTEARRAY8
};

function lengthOf(value: number): number {
  if (value < 0) throw new PickleFault("it has a text of a negative length");
  return value;
}

/** Protocol 0 writes True and False as I01 and I00. */
function integerFromLine(line: string): unknown {
  return line === "01" ? true : line === "00" ? false : numberFromLine(line);
}

function floatFromLine(line: string): number {
  const text = line.trim();
  const names: Readonly<Record<string, number>> = { inf: Infinity, "-inf": -Infinity, nan: Number.NaN };
  const value = names[text] ?? (/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : NaN);
  if (Number.isNaN(value) && text !== "nan") throw new PickleFault("it holds a damaged number");
  return value;
}

function indexFromLine(line: string): number {
  if (!/^\d{1,10}$/.test(line)) throw new PickleFault("it stores a value under a damaged number");
  return Number(line);
}

function unquoted(line: string): string {
  const inside = /^(['"])(.*)\1$/s.exec(line.trim())?.[2];
  if (inside === undefined) throw new PickleFault("it holds a text without quotation marks");
  return inside.replace(/\\(?:x([0-9a-fA-F]{2})|([\\'"nrt]))/g, (_, hex: string | undefined, short: string) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : ({ n: "\n", r: "\r", t: "\t" }[short] ?? short),
  );
}

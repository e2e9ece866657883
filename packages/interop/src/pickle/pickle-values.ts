/*
 * What a pickle program makes. None, True, numbers, texts and lists are JavaScript's own; bytes are a Uint8Array; a whole
 * number that a double cannot hold is a bigint.
 */

/** A tuple of Python. */
export class PickleTuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** A dictionary (`OrderedDict` too), in the order in which it was filled. Its keys are texts, numbers or other values. */
export class PickleDict {
  readonly entries = new Map<unknown, unknown>();

  get(key: string): unknown {
    return this.entries.get(key);
  }
}

/** A set; the order of its items means nothing. */
export class PickleSet {
  constructor(readonly items: unknown[] = []) {}
}

/** A class or function by name. It is a name and nothing else: it is never looked up, loaded or called. */
export class PickleGlobal {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}

  get path(): string {
    return `${this.module}.${this.name}`;
  }
}

/** What a class or function that we do not know would have made, had it been called: an inert record of the request. */
export class PickleObject {
  /** Given to it by BUILD, SETITEMS and APPENDS. */
  readonly given: unknown[] = [];

  constructor(
    readonly callee: unknown,
    readonly args: unknown,
  ) {}

  /** "os.system", where it was asked for by name. */
  get path(): string {
    return this.callee instanceof PickleGlobal ? this.callee.path : "an object that is no function";
  }
}

/** A value of ours that takes its state from BUILD. */
export interface Buildable {
  setState(state: unknown): void;
}

export function isBuildable(value: unknown): value is Buildable {
  return typeof value === "object" && value !== null && "setState" in value;
}

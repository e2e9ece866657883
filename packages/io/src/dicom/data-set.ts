import { ImageFileError, show } from "@nnunet/core";
import { latin1, uint16, viewOf } from "./numbers-in-bytes.ts";
import type { TagName } from "./tags.ts";

const none = new Uint8Array();

/** One element as it was read: its bytes, or the items of a sequence. */
export interface Element {
  readonly bytes: Uint8Array;
  readonly items?: readonly DataSet[];
}

/** The elements of a file, or of an item of a sequence, under DICOM's keywords; values are decoded when asked for. */
export class DataSet {
  private held: Map<TagName, Element> | undefined;
  constructor(
    readonly path: string,
    readonly littleEndian: boolean,
  ) {}

  /** Made when it is needed: a damaged file may have hundreds of thousands of empty items. */
  get elements(): Map<TagName, Element> {
    return (this.held ??= new Map());
  }

  has(name: TagName): boolean {
    const element = this.elements.get(name);
    return element !== undefined && (element.bytes.length > 0 || (element.items?.length ?? 0) > 0);
  }

  items(name: TagName): readonly DataSet[] {
    return this.elements.get(name)?.items ?? [];
  }

  /** "" where it is missing. */
  text(name: TagName): string {
    const text = latin1(this.elements.get(name)?.bytes ?? none);
    let end = text.length;
    while (end > 0 && (text[end - 1] === "\0" || text[end - 1] === " ")) end--;
    return text.slice(0, end).trimStart();
  }

  /** Decimal numbers in text (DS, IS). Undefined where the element is missing or empty. */
  decimals(name: TagName, count?: number): number[] | undefined {
    const text = this.text(name);
    if (text === "") return undefined;
    const numbers = text.split("\\").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
    if (!numbers.every(Number.isFinite) || (count !== undefined && numbers.length !== count)) {
      const expected = count === undefined ? "numbers" : count === 1 ? "a number" : `${count} numbers`;
      throw this.fail(name, `expected ${expected}, got ${show(text.slice(0, 60))}`);
    }
    return numbers;
  }

  decimal(name: TagName): number | undefined {
    return this.decimals(name, 1)?.[0];
  }

  /** Numbers of 16 bits (US). */
  uint16s(name: TagName): number[] {
    const { bytes } = this.elements.get(name) ?? { bytes: none };
    return Array.from({ length: bytes.length >> 1 }, (_, i) => uint16(bytes, 2 * i, this.littleEndian));
  }

  uint16(name: TagName): number | undefined {
    const bytes = this.elements.get(name)?.bytes;
    if (!bytes || bytes.length < 2) return undefined;
    return uint16(bytes, 0, this.littleEndian);
  }

  /** Numbers of 64 bits in binary (FD). */
  doubles(name: TagName): number[] {
    const { bytes } = this.elements.get(name) ?? { bytes: none };
    return Array.from({ length: bytes.length >> 3 }, (_, i) => viewOf(bytes).getFloat64(8 * i, this.littleEndian));
  }

  fail(name: TagName, problem: string): ImageFileError {
    return new ImageFileError(this.path, name, problem);
  }
}

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SliceOptions {
  readonly seriesUid?: string;
  readonly position?: readonly number[];
  readonly orientation?: readonly number[];
  readonly rows?: number;
  readonly columns?: number;
  readonly implicit?: boolean;
  readonly frames?: number;
  readonly pixels?: Int16Array;
  /** Of the patient, in the character set. */
  readonly patient?: Buffer;
  readonly patientId?: string;
  readonly modality?: string;
  readonly characterSet?: string;
  readonly sliceThickness?: string;
  /** "" for none. */
  readonly frameOfReference?: string;
}

/** A small CT slice, explicit or implicit little endian, slope 1 intercept −1024. */
export function dicomSlice(options: SliceOptions = {}): Buffer {
  const {
    seriesUid = "1.2.3",
    position = [0, 0, 0],
    orientation = [1, 0, 0, 0, 1, 0],
    rows = 3,
    columns = 4,
  } = options;
  const pixels = options.pixels ?? Int16Array.from({ length: rows * columns }, (_, i) => 1000 + i);
  const classUid = "1.2.840.10008.5.1.4.1.1.2";
  const instance = `1.2.3.4.${Math.abs(position.reduce((a, b) => a * 31 + Math.round(b * 1000), 7))}`;
  const syntax = options.implicit ? "1.2.840.10008.1.2" : "1.2.840.10008.1.2.1";
  const meta = Buffer.concat([
    element(0x0002, 0x0001, "OB", Buffer.from([0, 1])),
    element(0x0002, 0x0002, "UI", classUid),
    element(0x0002, 0x0003, "UI", instance),
    element(0x0002, 0x0010, "UI", syntax),
    element(0x0002, 0x0012, "UI", "1.2.3.9"),
  ]);
  const e = (group: number, number: number, type: string, value: string | Buffer) =>
    element(group, number, type, value, options.implicit);
  const body = [
    ...(options.characterSet === undefined ? [] : [e(0x0008, 0x0005, "CS", options.characterSet)]),
    e(0x0008, 0x0016, "UI", classUid),
    e(0x0008, 0x0018, "UI", instance),
    e(0x0008, 0x0060, "CS", options.modality ?? "CT"),
    e(0x0010, 0x0010, "PN", options.patient ?? "Nobody"),
    ...(options.patientId === undefined ? [] : [e(0x0010, 0x0020, "LO", options.patientId)]),
    e(0x0018, 0x0050, "DS", options.sliceThickness ?? "2.5"),
    e(0x0020, 0x000d, "UI", "1.2.3.8"),
    e(0x0020, 0x000e, "UI", seriesUid),
    e(0x0020, 0x0032, "DS", position.join("\\")),
    e(0x0020, 0x0037, "DS", orientation.join("\\")),
    ...(options.frameOfReference === undefined ? [] : [e(0x0020, 0x0052, "UI", options.frameOfReference)]),
    e(0x0028, 0x0002, "US", uint16(1)),
    e(0x0028, 0x0004, "CS", "MONOCHROME2"),
    ...(options.frames === undefined ? [] : [e(0x0028, 0x0008, "IS", String(options.frames))]),
    e(0x0028, 0x0010, "US", uint16(rows)),
    e(0x0028, 0x0011, "US", uint16(columns)),
    e(0x0028, 0x0030, "DS", "0.75\\0.5"),
    e(0x0028, 0x0100, "US", uint16(16)),
    e(0x0028, 0x0101, "US", uint16(16)),
    e(0x0028, 0x0102, "US", uint16(15)),
    e(0x0028, 0x0103, "US", uint16(1)),
    e(0x0028, 0x1052, "DS", "-1024"),
    e(0x0028, 0x1053, "DS", "1"),
    e(0x7fe0, 0x0010, "OW", Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength)),
  ];
  const length = element(0x0002, 0x0000, "UL", Buffer.from(new Uint32Array([meta.length]).buffer));
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), length, meta, ...body]);
}

/** Empties a folder and fills it with slices under shuffled names. */
export function writeSeries(folder: string, slices: readonly Buffer[]): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const names = slices.length > 13 ? 1009 : 13; // a prime number
  for (const [i, slice] of slices.entries()) writeFileSync(join(folder, `IM${(i * 7) % names}`), slice);
  return folder;
}

function uint16(value: number): Buffer {
  return Buffer.from(new Uint16Array([value]).buffer);
}

function element(group: number, number: number, type: string, value: string | Buffer, implicit = false): Buffer {
  let content = typeof value === "string" ? Buffer.from(value) : value;
  if (content.length % 2 === 1) content = Buffer.concat([content, Buffer.from(type === "UI" ? "\0" : " ")]);
  const header = Buffer.alloc(implicit ? 8 : type.startsWith("O") ? 12 : 8);
  header.writeUInt16LE(group, 0);
  header.writeUInt16LE(number, 2);
  if (implicit) header.writeUInt32LE(content.length, 4);
  else {
    header.write(type, 4, "latin1");
    if (header.length === 12) header.writeUInt32LE(content.length, 8);
    else header.writeUInt16LE(content.length, 6);
  }
  return Buffer.concat([header, content]);
}

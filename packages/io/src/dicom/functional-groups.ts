import type { DataSet } from "./data-set.ts";

/** A file's element, or that of the frame's functional groups, the nearest first. */
export class FrameGroups {
  constructor(
    private readonly file: DataSet,
    private readonly shared: DataSet | undefined,
    private readonly own: DataSet | undefined,
  ) {}

  /** The item of a functional group; the file itself where there are no groups. */
  group(name: Parameters<DataSet["items"]>[0]): DataSet | undefined {
    return this.own?.items(name)[0] ?? this.shared?.items(name)[0];
  }

  /** The group where the frame has it, else the file. */
  groupOrFile(name: Parameters<DataSet["items"]>[0]): DataSet {
    return this.group(name) ?? this.file;
  }
}

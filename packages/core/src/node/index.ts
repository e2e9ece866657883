export {
  appendLine,
  copyFileAtomic,
  describeFileError,
  exists,
  makeFolder,
  openRegularFile,
  readRegularFile,
  regularFile,
  writeChunksAtomic,
  writeFileAtomic,
  writeJsonAtomic,
} from "./files.ts";
export { switchOffTelemetry } from "./no-telemetry.ts";
export { tellTemporariesTo, temporaryBeside } from "./temporaries.ts";
export { pathBelow } from "./path-below.ts";
export { readJson } from "./read-json.ts";
export {
  type Busy,
  type Lock,
  lockedBy,
  lockFile,
  pause,
  removeEndedLock,
  tryLock,
  whileLocked,
  writerOf,
} from "./folder-lock.ts";
export { freeMemory } from "./free-memory.ts";
export { freeDisk, ScratchFile } from "./scratch-file.ts";
export { coresOfGroups, usableCores } from "./usable-cores.ts";

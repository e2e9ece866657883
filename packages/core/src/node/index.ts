export {
  describeFileError,
  exists,
  makeFolder,
  openRegularFile,
  readJson,
  regularFile,
  writeChunksAtomic,
  writeFileAtomic,
  writeJsonAtomic,
} from "./files.ts";
export { switchOffTelemetry } from "./no-telemetry.ts";
export { tellTemporariesTo, temporaryBeside } from "./temporaries.ts";

export {
  describeFileError,
  makeFolder,
  readJson,
  writeChunksAtomic,
  writeFileAtomic,
  writeJsonAtomic,
} from "./files.ts";

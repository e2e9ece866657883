export { describeFileError, readJson, writeChunksAtomic, writeFileAtomic, writeJsonAtomic } from "./files.ts";

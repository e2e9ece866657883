import { UnsupportedError } from "@nnunet/core";
import type { DecodedPicture, FrameDecoder, WorkerCodec } from "./frame-decoder.ts";
import { names } from "./stream-header.ts";

/**
 * The decoder where there are no threads of Node: what our own code decodes (plain, run lengths, JPEG) never comes here, and
 * the packages for the rest bring WebAssembly that a page would have to serve.
 */
export const webDecoder: FrameDecoder = {
  decode: (codec: WorkerCodec): Promise<DecodedPicture> =>
    Promise.reject(new UnsupportedError(`DICOM compressed as ${names[codec]} in a browser`, "export it uncompressed")),
  close() {},
};

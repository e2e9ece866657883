import type { PixelCodec } from "./transfer-syntax.ts";

/** What a codec says that it has decoded. */
export interface DecodedPicture {
  readonly columns: number;
  readonly rows: number;
  readonly components: number;
  /** Of a sample, as the stream says. */
  readonly bits: number;
  /** Little-endian samples, one byte each up to 8 bits, else two. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The samples of a component lie together, instead of those of a pixel. */
  readonly planar: boolean;
}

export type StreamCodec = Exclude<PixelCodec, "native" | "rle">;
/** What the worker decodes; JPEG is decoded by ourselves. */
export type WorkerCodec = Exclude<StreamCodec, "jpeg">;

/** Decodes the frames that packages decode; it must be closed. */
export interface FrameDecoder {
  /**
   * @param bytes - of one frame
   * @param milliseconds - after which it gives up
   * @returns the picture, or the reason why there is none
   */
  decode(codec: WorkerCodec, bytes: Uint8Array, milliseconds: number): Promise<DecodedPicture | string>;
  close(): void;
}

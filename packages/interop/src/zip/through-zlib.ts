import type { Transform } from "node:stream";

/**
 * What a stream of zlib makes of the pieces that it is fed, as fast as it is read. It ends with whoever stops reading.
 *
 * @throws what the pieces throw, and zlib's own errors
 */
export async function* throughZlib(
  stream: Transform,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const feed = async () => {
    for await (const piece of pieces) {
      if (stream.destroyed) return;
      if (!stream.write(piece)) await drained(stream);
    }
    stream.end();
  };
  const fed = feed().catch((error: Error) => void stream.destroy(error));
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
    await fed;
  } finally {
    stream.destroy();
  }
}

/** Takes both listeners away again: a stream is waited for thousands of times. */
function drained(stream: Transform): Promise<void> {
  return new Promise((resolve) => {
    const goOn = () => {
      stream.off("drain", goOn).off("close", goOn);
      resolve();
    };
    stream.on("drain", goOn).on("close", goOn);
  });
}

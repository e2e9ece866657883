/** Numbers that are copied at a time. */
const PIECE = 2 ** 18;

/**
 * Hands channels that one side makes, one after the other, to another that takes them in a loop: a file in the making. The
 * maker waits until its channel is taken, and may then use the array again; a megabyte is copied at a time. Nothing is taken
 * before the first channel is there.
 *
 * @param take - is given the channels' numbers in pieces of any length
 * @throws what either side throws
 */
export async function pourChannels<T>(
  take: (pieces: AsyncIterable<Float32Array>) => Promise<void>,
  make: (give: (channel: Float32Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  const { readable, writable } = new TransformStream<Float32Array, Float32Array>();
  const writer = writable.getWriter();
  writer.closed.catch(() => {}); // it reaches the caller by what fails
  let taken: Promise<void> | undefined;
  const give = async (channel: Float32Array) => {
    if (!taken) {
      taken = take(readable);
      taken.catch(() => {}); // told by what waits for it
    }
    for (let at = 0; at < channel.length; at += PIECE) {
      try {
        await writer.write(channel.slice(at, at + PIECE));
      } catch (error) {
        await taken; // who takes nothing more says why
        throw error;
      }
    }
  };
  try {
    const result = await make(give);
    // Who failed after the last piece has closed the way to it, and says why.
    await writer.close().catch(async (error: unknown) => {
      await taken;
      throw error;
    });
    await taken;
    return result;
  } catch (error) {
    await writer.abort(error).catch(() => {});
    await taken?.catch(() => {});
    throw error;
  }
}

import { createDeflateRaw, createInflateRaw, inflateRawSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { throughZlib } from "../src/zip/through-zlib.ts";

test("a long way through zlib leaves no listeners behind", async () => {
  const pieces = Array.from({ length: 64 }, (_, i) =>
    new Uint8Array(65536).map((__, j) => (i * j * 2654435761) >>> 24),
  );
  const deflate = createDeflateRaw();
  const packed: Uint8Array[] = [];
  let most = 0;
  for await (const chunk of throughZlib(deflate, pieces)) {
    packed.push(chunk);
    most = Math.max(most, deflate.listenerCount("close"));
  }
  // those of reading and of one wait
  expect(most).toBeLessThan(6);
  const whole = Buffer.concat(packed);
  expect(inflateRawSync(whole).equals(Buffer.concat(pieces))).toBe(true);
  let bytes = 0;
  for await (const chunk of throughZlib(createInflateRaw(), packed)) bytes += chunk.length;
  expect(bytes).toBe(64 * 65536);
});

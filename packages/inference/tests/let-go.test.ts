import { expect, test } from "@jest/globals";
import { letGo } from "../src/let-go.ts";

test("what is let go is freed without waiting for the garbage collector", async () => {
  const peaks = [];
  for (const free of [false, true]) {
    const held = () => process.memoryUsage().arrayBuffers;
    const before = held();
    let peak = 0;
    for (let i = 0; i < 6; i++) {
      const values = new Float32Array(4e6);
      peak = Math.max(peak, held() - before);
      if (free) letGo(values);
      expect(values.length).toBe(free ? 0 : 4e6);
      await new Promise((done) => setImmediate(done));
    }
    peaks.push(peak);
  }
  expect(peaks[1]).toBeLessThan(2 * 16e6 + 1e6);
  expect(peaks[1]).toBeLessThan(peaks[0]!);
});

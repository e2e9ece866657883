import { expect, test } from "@jest/globals";
import { contentHash } from "../src/records/made-from.ts";

test("content hashes do not depend on the order of keys, but on every value", () => {
  expect(contentHash({ b: 1, a: [2, { d: 3, c: 4 }] })).toBe(contentHash({ a: [2, { c: 4, d: 3 }], b: 1 }));
  expect(contentHash({ a: [1, 2] })).not.toBe(contentHash({ a: [2, 1] }));
});

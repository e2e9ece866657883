import { expect, test } from "@jest/globals";
import { gigabytes } from "../src/options/values.ts";

test.each([
  ["2", 2],
  ["0.5", 0.5],
  ["2GB", 2],
  ["1.5 gb", 1.5],
  ["2g", 2],
  ["800MB", 0.8],
  ["800m", 0.8],
  ["1GiB", 1.073741824],
  ["512 MiB", 0.536870912],
])("--max-memory %s is %d GB", (text, gb) => {
  expect(gigabytes(text)).toBeCloseTo(gb, 12);
});

test.each(["", " ", "GB", "0", "0GB", "-1GB", "2TB", "2KB", "1,5GB", "2GBGB", "NaN", "Infinity", "nonsense", "GB2"])(
  "--max-memory %j is no amount of memory",
  (text) => {
    expect(() => gigabytes(text)).toThrow("Expected an amount such as 4, 1.5GB or 800MB.");
  },
);

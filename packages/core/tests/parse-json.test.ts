import { expect, test } from "@jest/globals";
import { parseJson } from "@nnunet/core";

test("Python's bare NaN, Infinity and -Infinity become null; the same words in a string stay", () => {
  expect(parseJson('{"Dice": NaN, "a": [Infinity, -Infinity, -1], "NaN": "a \\" NaN, -Infinity"}')).toEqual({
    Dice: null,
    a: [null, null, -1],
    NaN: 'a " NaN, -Infinity',
  });
});

test("what neither JSON nor Python writes is refused", () => {
  for (const text of ["{", "", "NaNa", "{NaN: 1}", '{"a": "NaN', "-NaN-", "nan"]) {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  }
});

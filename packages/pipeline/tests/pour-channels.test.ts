import { expect, test } from "@jest/globals";
import { pourChannels } from "../src/prediction/pour-channels.ts";

test("the maker may use its array again, and the taker sees every number once, in order", async () => {
  const length = 2 ** 18 + 5; // more than one piece
  const taken: number[] = [];
  const result = await pourChannels(
    async (pieces) => {
      for await (const piece of pieces) {
        await new Promise((resolve) => setTimeout(resolve, 5)); // slower than the maker
        taken.push(piece[0]!, piece.length);
      }
    },
    async (give) => {
      const channel = new Float32Array(length);
      for (const value of [1, 2, 3]) await give(channel.fill(value));
      return "made";
    },
  );
  expect(result).toBe("made");
  expect(taken).toEqual([1, 2, 3].flatMap((value) => [value, 2 ** 18, value, 5]));
});

test("what the taker fails of is the error, and the maker stops", async () => {
  let given = 0;
  const poured = pourChannels(
    async (pieces) => {
      for await (const _ of pieces) throw new Error("the disk is full");
    },
    async (give) => {
      for (; given < 100; given++) await give(new Float32Array(4));
    },
  );
  await expect(poured).rejects.toThrow("the disk is full");
  expect(given).toBeLessThan(4);
});

test("what the taker fails of after the last number, or while the maker still works on something else, is the error", async () => {
  for (const wait of [0, 20]) {
    let taken = 0;
    const poured = pourChannels(
      async (pieces) => {
        for await (const _ of pieces) if (++taken === 3) throw new Error("the disk is full");
      },
      async (give) => {
        for (let channel = 0; channel < 3; channel++) await give(new Float32Array(4));
        await new Promise((resolve) => setTimeout(resolve, wait));
      },
    );
    await expect(poured).rejects.toThrow("the disk is full");
  }
});

test("what the maker fails of is the error, and the taker hears of it", async () => {
  let heard: unknown;
  const poured = pourChannels(
    async (pieces) => {
      try {
        for await (const _ of pieces);
      } catch (error) {
        heard = error;
        throw error;
      }
    },
    async (give) => {
      await give(new Float32Array(4));
      throw new Error("cancelled");
    },
  );
  await expect(poured).rejects.toThrow("cancelled");
  expect(heard).toEqual(new Error("cancelled"));
});

test("without a channel nothing is begun", async () => {
  let begun = false;
  const take = async () => {
    begun = true;
  };
  expect(await pourChannels(take, async () => 7)).toBe(7);
  await expect(pourChannels(take, () => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
  expect(begun).toBe(false);
});

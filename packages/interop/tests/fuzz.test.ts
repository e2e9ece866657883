import { readFileSync } from "node:fs";
import { expect, jest, test } from "@jest/globals";
import type { RandomGenerator } from "@nnunet/core";
import { memoryAccess, openTorchFile, PickleDict, plainValue, TorchTensor, unpickle } from "@nnunet/interop";
import { fuzz, fuzzTimeout, mutate } from "../../core/tests/mutants.ts";
import { torchConstructors } from "../src/torch/torch-file.ts";
import { readRecord } from "../src/zip/zip-content.ts";
import { readZipDirectory } from "../src/zip/zip-directory.ts";

jest.setTimeout(fuzzTimeout);

const file = (name: string) => readFileSync(new URL(`./fixtures/torch/${name}`, import.meta.url));

/** Opens a file, reads whatever tensors it has, and makes JSON of all the rest. */
async function readAll(bytes: Uint8Array): Promise<void> {
  const { value, read } = await openTorchFile(memoryAccess(bytes, "mutant.pth"));
  plainValue(value, "mutant.pth", "");
  const weights = value instanceof PickleDict ? value.get("network_weights") : undefined;
  if (!(weights instanceof PickleDict)) return;
  for (const [name, tensor] of weights.entries) {
    if (!(tensor instanceof TorchTensor)) continue;
    const values = await read(tensor, String(name));
    expect(values.length).toBe(tensor.shape.reduce((product, n) => product * n, 1));
  }
}

test.each([
  ["zip.pth", 2000],
  ["legacy.pth", 3000],
])("mutants of %s are read or refused, whatever is in them", async (name, count) => {
  const original = file(name);
  const mutant = (random: RandomGenerator) => mutate(original, random, original.length);
  await fuzz(original.length, count, mutant, readAll);
});

test("mutants of the pickle in a checkpoint are read or refused, behind the checksum that hides them otherwise", async () => {
  const source = memoryAccess(file("zip.pth"), "zip.pth");
  const original = await readRecord(source, (await readZipDirectory(source)).get("zip/data.pkl")!, 2 ** 20);
  const mutant = (random: RandomGenerator) => mutate(original, random, original.length);
  const done = await fuzz(1, 5000, mutant, (bytes) => {
    const options = { construct: torchConstructors(new Set()), persistent: (id: unknown) => id };
    plainValue(unpickle(bytes, "mutant.pkl", options).value, "mutant.pkl", "");
  });
  expect(done).toBeGreaterThan(0);
});

test("programs of random operations are read or refused", async () => {
  const codes = Buffer.from(
    "(012FIJKLMNPQRSTUVXabcd}eghijl]opqrst)uG.\x80\x81\x85\x86\x87\x88\x89\x8a\x8c\x8f\x90\x91\x93\x94",
    "latin1",
  );
  const names = Buffer.from("\n\n\x01\x02\x00\x00\x00a");
  const mutant = (random: RandomGenerator) =>
    Buffer.from(
      Array.from({ length: random.integer(5, 120) }, () => {
        const from = random.uniform() < 0.8 ? codes : names;
        return from[random.integer(0, from.length)]!;
      }),
    );
  const options = { construct: torchConstructors(new Set()) };
  const done = await fuzz(2, 8000, mutant, (bytes) => plainValue(unpickle(bytes, "m", options).value, "m", ""));
  expect(done).toBeGreaterThan(0);
});

import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import {
  memoryAccess,
  openTorchFile,
  type PickleDict,
  plainValue,
  TensorToWrite,
  torchFileChunks,
  type TorchTensor,
  withRandomAccess,
} from "@nnunet/interop";

const folder = new URL("./fixtures/torch/", import.meta.url);
const expected: Record<string, Record<string, { type: string; shape: number[]; values: string[] }>> = JSON.parse(
  readFileSync(new URL("expected.json", folder), "utf8"),
);
const float = (text: string) => ({ inf: Infinity, "-inf": -Infinity })[text] ?? Number(text);

test.each(Object.keys(expected))(
  "every tensor of %s has the type, shape and values that torch gives it",
  async (name) => {
    await withRandomAccess(new URL(name, folder).pathname, async (source) => {
      const file = await openTorchFile(source);
      const weights = (file.value as PickleDict).get("network_weights") as PickleDict;
      expect([...weights.entries.keys()]).toEqual(Object.keys(expected[name]!));
      for (const [key, { type, shape, values }] of Object.entries(expected[name]!)) {
        const tensor = weights.get(key) as TorchTensor;
        expect([key, tensor.type.name, tensor.shape]).toEqual([key, type, shape]);
        const read = await file.read(tensor, key);
        const wanted = type.endsWith("int64") ? values.map(BigInt) : values.map(float);
        expect([key, [...read]]).toEqual([key, wanted]);
      }
    });
  },
);

test.each(Object.keys(expected))("what stands beside the tensors in %s becomes plain values", async (name) => {
  const bytes = readFileSync(new URL(name, folder));
  const file = await openTorchFile(memoryAccess(bytes, name));
  expect(plainValue((file.value as PickleDict).get("log"), name, "log")).toEqual({
    epoch: 3,
    ema: 0.5,
    losses: [0.25, 0.125],
    table: [
      [0, 1, 2],
      [3, 4, 5],
    ],
    columns: [
      [0, 1, 2],
      [3, 4, 5],
    ],
    "big endian": [1, 2],
    device: null, // no data: an inert record
    size: [1, 2],
    names: expect.arrayContaining(["a", "b"]),
    long: 2 ** 70,
    tuple: [1, [2, "ü"]],
    none: null,
  });
});

test("what is written is read back, one storage under two names", async () => {
  const shared = new TensorToWrite(
    Float32Array.from({ length: 6 }, (_, i) => i / 4),
    [2, 3],
  );
  const scalar = new TensorToWrite(Float32Array.of(7), []);
  const content = {
    weights: { a: shared, b: shared, scalar },
    epoch: 2 ** 40,
    rate: 0.5,
    names: ["ü", null, true, -1],
  };
  const bytes = Buffer.concat([...torchFileChunks(content)]);
  const file = await openTorchFile(memoryAccess(bytes, "written.pth"));
  const value = file.value as PickleDict;
  const weights = value.get("weights") as PickleDict;
  const [a, b] = ["a", "b"].map((name) => weights.get(name) as TorchTensor);
  expect(a!.storage.key).toBe(b!.storage.key);
  expect([...(await file.read(b!, "b"))]).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25]);
  expect([...(await file.read(weights.get("scalar") as TorchTensor, "scalar"))]).toEqual([7]);
  const { weights: _, ...rest } = plainValue(value, "", "") as Record<string, unknown>;
  expect(rest).toEqual({ epoch: 2 ** 40, rate: 0.5, names: ["ü", null, true, -1] });
});

test("one flipped bit in the values of a tensor is found by the checksum", async () => {
  const bytes = readFileSync(new URL("zip.pth", folder));
  const at = bytes.indexOf(Buffer.from(Float32Array.of(-3, -2.75, -2.5).buffer));
  bytes[at]! ^= 1;
  const file = await openTorchFile(memoryAccess(bytes, "zip.pth"));
  const tensor = ((file.value as PickleDict).get("network_weights") as PickleDict).get("float32") as TorchTensor;
  await expect(file.read(tensor, "float32")).rejects.toThrow(
    /^zip\.pth → zip\/data\/\d+: its checksum is wrong; it is damaged, get it again$/,
  );
});

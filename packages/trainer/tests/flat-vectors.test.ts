import { expect, test } from "@jest/globals";
import { OnnxGraph } from "@nnunet/unet-model";
import * as ort from "onnxruntime-node";
import { joinInRows } from "../src/ort/flat-vectors.ts";

/** Lengths around a row of 1024 values. */
const cases = {
  "one short vector": [3],
  "one row": [1024],
  "rows alone": [2048, 1024, 4096],
  "short ones that never fill a row": [5, 7, 1, 900],
  "long ones that begin and end within rows": [3000, 5000, 1],
  "a weight, a bias, a scale and a shift": [864, 32, 32, 32, 27648, 32, 32, 32, 96, 3],
  "a row filled by the head of the next": [1000, 24, 24, 1000, 2047, 1025],
  "empty ones": [0, 2000, 0, 3, 0],
};

test.each(Object.entries(cases))("joining in rows changes nothing: %s", async (_, lengths) => {
  const onnx = new OnnxGraph("joined", { joinsReshapes: true });
  let from = 0;
  const vectors = lengths.map((length, i) => {
    const data = Float32Array.from({ length }, (_, k) => from + k);
    from += length;
    const name = onnx.input(`vector.${i}`, "float32", [length]);
    return { name, length, data };
  });
  onnx.node("Identity", [joinInRows(onnx, vectors)], {}, "joined");
  onnx.output("joined", "float32", [from]);
  const session = await ort.InferenceSession.create(onnx.encode());
  const feeds = vectors.map(({ name, data }) => [name, new ort.Tensor("float32", data, [data.length])]);
  const { joined } = await session.run(Object.fromEntries(feeds));
  expect(joined!.data).toEqual(Float32Array.from({ length: from }, (_, k) => k));
  await session.release();
});

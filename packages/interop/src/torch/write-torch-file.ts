import { PickleTuple } from "../pickle/pickle-values.ts";
import { type PickleWriter, writePickle } from "../pickle/write-pickle.ts";
import { zipChunks, type ZipEntry } from "../zip/write-zip.ts";

/** A float32 tensor to be written, C order. The same object twice becomes two names of one storage. */
export class TensorToWrite {
  constructor(
    readonly data: Float32Array,
    readonly shape: readonly number[],
  ) {}
}

/**
 * Data as `torch.save` writes them, piece by piece: what a pickle can hold, and tensors.
 *
 * @see writePickle for the kinds of values
 * @example await writeChunksAtomic("x.pth", torchFileChunks({ weight: new TensorToWrite(Float32Array.of(1, 2), [2]) }));
 */
export function torchFileChunks(value: unknown): Generator<Uint8Array> {
  const storages = new Map<TensorToWrite, number>();
  const pickle = writePickle(value, (each, writer) => {
    if (each instanceof PickleTuple) {
      writer.tuple(each.items);
      return true;
    }
    if (!(each instanceof TensorToWrite)) return false;
    if (!storages.has(each)) storages.set(each, storages.size);
    writeTensor(each, storages.get(each)!, writer);
    return true;
  });
  return zipChunks(entries(pickle, [...storages.keys()]));
}

function* entries(pickle: Uint8Array, tensors: readonly TensorToWrite[]): Generator<ZipEntry> {
  const text = (name: string, content: string) => ({ name: `archive/${name}`, content: Buffer.from(content) });
  yield { name: "archive/data.pkl", content: pickle };
  yield text("byteorder", "little");
  for (const [i, { data }] of tensors.entries()) {
    const content = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    yield { name: `archive/data/${i}`, content };
  }
  yield text("version", "3\n");
}

/** `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())` */
function writeTensor({ data, shape }: TensorToWrite, key: number, writer: PickleWriter): void {
  const strides: number[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides.unshift(stride);
    stride *= shape[axis]!;
  }
  writer.global("torch._utils", "_rebuild_tensor_v2").operation("(").operation("(").value("storage");
  writer
    .global("torch", "FloatStorage")
    .value(String(key))
    .value("cpu")
    .value(data.length)
    .operation("t")
    .operation("Q");
  writer.value(0).tuple(shape).tuple(strides).value(false);
  writer.global("collections", "OrderedDict").tuple([]).operation("R").operation("t").operation("R");
}

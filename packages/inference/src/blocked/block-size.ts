import { findBlockSize } from "@nnunet/unet-model";
import type { SessionFactory } from "../network-session.ts";

let found: Promise<number | undefined> | undefined;

/** Channels of a block in onnxruntime's blocked kernels on this CPU, undefined where there are none; found once per process. */
export function blockSize(createSession: SessionFactory): Promise<number | undefined> {
  return (found ??= findBlockSize(async (model, input, shape) => {
    const session = await createSession(model, { device: "cpu", threads: 1 });
    try {
      return (await session.run(input, shape)).data;
    } finally {
      await session.release();
    }
  }));
}

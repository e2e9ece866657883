import { TestEnvironment } from "jest-environment-node";

/**
 * Jest runs tests in a separate realm with its own `Float32Array` and friends, while onnxruntime-node
 * (native code) and worker threads hand over arrays of the main realm, so that `instanceof` inside
 * onnxruntime-common fails. Sharing the constructors makes tests see what programs see.
 */
const shared = [
  "ArrayBuffer",
  "SharedArrayBuffer",
  "DataView",
  "Atomics",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
];

export default class SharedArraysEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    for (const name of shared) this.global[name] = globalThis[name];
  }
}

declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => unknown;
  Instance: new (module: unknown, imports?: object) => { readonly exports: unknown };
};

/** The memory of a WebAssembly instance; views on its buffer end when it grows. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** In pages of 64 KiB. */
  grow(pages: number): number;
}

/**
 * The exports of a WebAssembly module carried in the source, undefined where WebAssembly or its SIMD instructions are
 * missing: the caller's TypeScript loops give the same numbers.
 *
 * @param base64 - the module
 * @param imports - functions that it calls, by module and name
 */
export function instantiateWasm<Exports>(base64: string, imports: object = {}): Exports | undefined {
  try {
    const module = new WebAssembly.Module(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
    return new WebAssembly.Instance(module, imports).exports as Exports;
  } catch {
    return undefined;
  }
}

/** The next multiple of 64 bytes. */
export function aligned(address: number): number {
  return 64 * Math.ceil(address / 64); // bit operations end at 2³¹
}

/** Makes a memory at least `bytes` long. @throws {RangeError} if there is not so much */
export function enlargeWasmMemory(memory: WasmMemory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
}

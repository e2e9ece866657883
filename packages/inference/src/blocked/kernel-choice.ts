/** A model in onnxruntime's channel-blocked operators for one sample at a time, or why it stays as it is. */
export type BlockedModel =
  | { readonly bytes: Uint8Array; readonly block: number }
  | { readonly bytes?: undefined; readonly reason: string };

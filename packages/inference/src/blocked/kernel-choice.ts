/** A model written again for one sample at a time. */
export interface RewrittenModel {
  /** The network, or all of it but its head; undefined where the file runs as it stands. */
  readonly bytes?: Uint8Array;
  /** Where the head is computed by itself: features of some planes → their logits. */
  readonly head?: { readonly bytes: Uint8Array; readonly features: number };
  /** Channels of a block of onnxruntime's channel-blocked operators, or why it is in none. */
  readonly kernels: { readonly block: number } | { readonly reason: string };
}

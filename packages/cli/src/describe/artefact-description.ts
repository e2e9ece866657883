/** What a file or folder is, for `nnunet info`. */
export interface ArtefactDescription {
  /** "model", "plans", "raw dataset", … */
  readonly kind: string;
  /** For people. */
  readonly lines: readonly string[];
  /** Of a model: every text in it, whole, by its key. */
  readonly carried?: Readonly<Record<string, string>>;
}

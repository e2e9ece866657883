import type { CodedConcept } from "@nnunet/core";
import type { Item } from "./encode-elements.ts";

/** A code as the item of a sequence. @param own - how letters beyond ASCII are written */
export function codeItem({ value, scheme, meaning }: CodedConcept, own: (text: string) => string = (t) => t): Item {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: own(meaning) };
}

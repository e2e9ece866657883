import { protobufFields } from "@nnunet/core";

/**
 * The name of the first weight that lies in a file of its own, if there is one.
 *
 * ModelProto.graph is field 7, GraphProto.initializer 5, TensorProto.name 8 and external_data 13.
 *
 * @param path - named in errors only
 */
export function firstExternalWeight(model: Uint8Array, path: string): string | undefined {
  for (const graph of protobufFields(model, path)) {
    if (graph.number !== 7 || !graph.bytes) continue;
    for (const initializer of protobufFields(graph.bytes, path)) {
      if (initializer.number !== 5 || !initializer.bytes) continue;
      let name = "(unnamed)";
      let external = false;
      for (const field of protobufFields(initializer.bytes, path)) {
        if (field.number === 8 && field.bytes) name = new TextDecoder().decode(field.bytes);
        if (field.number === 13) external = true;
      }
      if (external) return name;
    }
  }
  return undefined;
}

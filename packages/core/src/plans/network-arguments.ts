type JsonObject = Record<string, unknown>;

/** As many stages as a plan may have; what is beyond them is refused anyway. */
const mostStages = 100;

/**
 * The network's arguments with every list written out: nnU-Net v2 takes one number for all stages, and one for all axes.
 * What fits no rule stays, for the schema to refuse.
 *
 * @example kernel_sizes: 3 → [[3, 3, 3], [3, 3, 3], …]
 */
export function writeOutLists(configuration: JsonObject): JsonObject {
  const { architecture, patch_size } = configuration as { architecture?: JsonObject; patch_size?: unknown };
  const kwargs = architecture?.["arch_kwargs"] as JsonObject | undefined;
  if (typeof kwargs !== "object" || kwargs === null || !Array.isArray(patch_size)) return configuration;
  const stages = Number(kwargs["n_stages"]);
  if (!(Number.isInteger(stages) && stages > 0 && stages <= mostStages)) return configuration;
  const perAxis = (value: unknown) => (typeof value === "number" ? patch_size.map(() => value) : value);
  const perStage = (value: unknown, count: number) => (Array.isArray(value) ? value : Array(count).fill(value));
  const whole: JsonObject = { ...kwargs };
  const change = (key: string, count: number, of: (value: unknown) => unknown = (value) => value) => {
    if (Array.isArray(kwargs[key]) || typeof kwargs[key] === "number") {
      whole[key] = perStage(kwargs[key], count).map(of);
    }
  };
  change("features_per_stage", stages);
  change("kernel_sizes", stages, perAxis);
  change("strides", stages, perAxis);
  change("n_conv_per_stage", stages);
  change("n_blocks_per_stage", stages);
  change("n_conv_per_stage_decoder", stages - 1);
  return { ...configuration, architecture: { ...architecture, arch_kwargs: whole } };
}

import { InvalidArtifactError } from "../errors.ts";
import { listNames } from "../json/parse-artifact.ts";
import { show } from "../text/show.ts";

type JsonObject = Record<string, unknown>;

/**
 * A configuration with everything that it inherits (`inherits_from`, nnU-Net v2): the child's keys win.
 *
 * @throws {InvalidArtifactError} if the parent does not exist, or configurations inherit in a circle
 */
export function resolveInheritance(configurations: Record<string, JsonObject>, name: string, path: string): JsonObject {
  const chain = [name];
  let resolved = configurations[name]!;
  for (;;) {
    const child = chain.at(-1)!;
    const parent = configurations[child]!["inherits_from"];
    if (parent === undefined) return resolved;
    const field = `configurations.${child}.inherits_from`;
    if (typeof parent !== "string" || !Object.hasOwn(configurations, parent)) {
      const known = listNames(Object.keys(configurations));
      throw new InvalidArtifactError(path, field, `names ${show(parent)}, which is none of ${known}`);
    }
    if (chain.includes(parent)) {
      throw new InvalidArtifactError(
        path,
        field,
        `inherits in a circle: ${[...chain.slice(chain.indexOf(parent)), parent].join(" → ")}`,
      );
    }
    chain.push(parent);
    resolved = { ...configurations[parent], ...resolved };
  }
}

/**
 * Plans made before nnU-Net v2.2 describe the network by flat keys; this gives them today's `architecture`.
 * Other configurations come back as they are.
 */
export function modernizeConfiguration(configuration: JsonObject): JsonObject {
  if ("architecture" in configuration || !("UNet_class_name" in configuration)) return configuration;
  const {
    UNet_class_name,
    UNet_base_num_features,
    n_conv_per_stage_encoder,
    n_conv_per_stage_decoder,
    num_pool_per_axis: _pools,
    pool_op_kernel_sizes,
    conv_kernel_sizes,
    unet_max_num_features,
    ...rest
  } = configuration;
  const kernels = Array.isArray(conv_kernel_sizes) ? conv_kernel_sizes : [];
  const strides = Array.isArray(pool_op_kernel_sizes) ? pool_op_kernel_sizes : [];
  const first = Array.isArray(strides[0]) ? strides[0] : [1, 1, 1];
  const withFirst = strides.length === kernels.length - 1 ? [first.map(() => 1), ...strides] : strides;
  const features = kernels.map((_, stage) =>
    Math.min(Number(UNet_base_num_features) * 2 ** stage, Number(unet_max_num_features)),
  );
  const residual = UNet_class_name !== "PlainConvUNet";
  const dimensions = Array.isArray(kernels[0]) ? kernels[0].length : 3;
  return {
    ...rest,
    architecture: {
      network_class_name: `dynamic_network_architectures.architectures.unet.${String(UNet_class_name)}`,
      arch_kwargs: {
        n_stages: kernels.length,
        features_per_stage: features,
        conv_op: `torch.nn.modules.conv.Conv${dimensions}d`,
        kernel_sizes: conv_kernel_sizes,
        strides: withFirst,
        [residual ? "n_blocks_per_stage" : "n_conv_per_stage"]: n_conv_per_stage_encoder,
        n_conv_per_stage_decoder,
        conv_bias: true,
        norm_op: `torch.nn.modules.instancenorm.InstanceNorm${dimensions}d`,
        norm_op_kwargs: { eps: 1e-5, affine: true },
        nonlin: "torch.nn.LeakyReLU",
        nonlin_kwargs: { inplace: true },
      },
    },
  };
}

import {
  FileError,
  findConfiguration,
  inputChannels,
  isNnunetError,
  listed,
  type Plans,
  type RawDataset,
} from "@nnunet/core";
import type { Context } from "../../stages.ts";
import { ownNetwork } from "../own-network.ts";
import { effectivePlans, type SizeOptions } from "../reduced-size.ts";
import { beginWith } from "./begin-with.ts";
import { readPretrained } from "./read-pretrained.ts";

/**
 * Looks whether a pretrained model fits each network of a run, before the first is trained: the others would be found out
 * hours later.
 *
 * @throws {FileError} which it does not fit, and why
 */
export async function refusePretrainedMisfit(
  { stages }: Context,
  dataset: RawDataset,
  planned: Plans,
  configurations: readonly string[],
  { pretrained: path, ...sizes }: SizeOptions & { readonly pretrained?: string | undefined },
): Promise<void> {
  if (path === undefined) return;
  const pretrained = await readPretrained(path);
  const fits: string[] = [];
  const misfits: FileError[] = [];
  for (const name of configurations) {
    const plans = effectivePlans(planned, name, sizes);
    const channels = inputChannels({ plans, dataset: dataset.json, configuration: name });
    const described = { plans, dataset, name, inputChannels: channels };
    const network = await ownNetwork(stages, findConfiguration(plans, name), described);
    try {
      beginWith(pretrained, { ...described, network, seed: 0 }, path);
      fits.push(name);
    } catch (error) {
      if (!isNnunetError(error, "FILE")) throw error;
      misfits.push(error);
    }
  }
  const [misfit] = misfits;
  if (misfit === undefined) return;
  if (fits.length === 0) throw misfit;
  const apart = `it fits ${listed(fits)} alone: run \`configurations\` ${fits.join(" ")} with it, and the others by a run of their own`;
  throw new FileError(path, `${misfit.problem}; ${apart}`, { cause: misfit });
}

import {
  type Configuration,
  createRandom,
  FileError,
  labelSet,
  type NetworkGraph,
  type NetworkSize,
  type Plans,
  type RawDataset,
} from "@nnunet/core";
import { inspectModel } from "@nnunet/inference";
import { graphProblems, initialiseWeights, writeOnnxModel } from "@nnunet/unet-model";
import { softwareVersion } from "../software-version.ts";
import { defaultStages, type Stages } from "../stages.ts";

/**
 * The graph of a network of one's own; undefined where the configuration's is trained. It is looked at before anything is
 * trained: hours later it would be refused as a model that no prediction may run.
 *
 * @throws {FileError} what is wrong with it
 */
export async function ownNetwork(
  { network }: Stages,
  configuration: Configuration,
  described: {
    readonly plans: Plans;
    readonly dataset: RawDataset;
    readonly name: string;
    readonly inputChannels: number;
  },
): Promise<NetworkGraph | undefined> {
  if (network === defaultStages.network) return undefined;
  const { plans, dataset, name, inputChannels } = described;
  const { patchSize, architecture } = configuration;
  const size: NetworkSize = { inputChannels, outputChannels: labelSet(dataset.json).outputChannels, patchSize };
  const graph = network.build(architecture, size);
  const [problem] = graphProblems(graph, size);
  if (problem !== undefined)
    throw new FileError(`network ${network.name}`, `cannot be trained for ${name}: ${problem}`);
  const metadata = { plans, dataset: dataset.json, configuration: name, folds: [0], mirrorAxes: [], softwareVersion };
  const weights = initialiseWeights(graph, createRandom(0, "weights"));
  await inspectModel(writeOnnxModel(graph, [weights], metadata), `network ${network.name}`);
  return graph;
}

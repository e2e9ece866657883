import { FileError, type TrainingTask } from "@nnunet/core";

/**
 * A task that knows whether its `initialWeights` were taken. A trainer of one's own that passes them over would otherwise
 * train from its own, under a record that says something else.
 *
 * @param trainer - its name
 * @throws {FileError} (from `onBegin` and the training batches) if nobody has looked at the weights before
 */
export function takingWeights<T>(trainer: string, task: TrainingTask<T>): TrainingTask<T> {
  const { initialWeights, training, onBegin } = task;
  if (initialWeights === undefined) return task;
  let taken = false;
  const refuseIgnored = () => {
    if (taken) return;
    const problem = "does not begin with the weights of `pretrained`: it has not read task.initialWeights";
    throw new FileError(
      `trainer ${trainer}`,
      `${problem}; leave \`pretrained\` out, or begin with them in its train()`,
    );
  };
  return {
    ...task,
    get initialWeights() {
      taken = true;
      return initialWeights;
    },
    training: {
      ...(training.workers !== undefined && { workers: training.workers }),
      async batch(epoch, iteration) {
        refuseIgnored();
        return training.batch(epoch, iteration);
      },
      close: () => training.close(),
    },
    async onBegin() {
      refuseIgnored();
      await onBegin?.();
    },
  };
}

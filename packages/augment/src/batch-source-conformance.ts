import { type BatchSource, elementCount, type LabelSet, type TrainingBatch } from "@nnunet/core";

/**
 * What any source of batches must keep to, ours or yours: the same batch in any order of requests, fresh arrays,
 * shapes that fit the data, finite values, declared labels. Lists every violation, so that a test of any framework can
 * expect an empty list.
 *
 * @param create - makes the same source each time it is called
 * @example expect(await batchSourceConformance(() => mySource, labels)).toEqual([]);
 */
export async function batchSourceConformance(create: () => BatchSource, labels: LabelSet): Promise<string[]> {
  const problems: string[] = [];
  const keys = [
    [0, 0],
    [0, 1],
    [1, 0],
  ] as const;
  const source = create();
  const other = create();
  const batches: TrainingBatch[] = [];
  for (const [epoch, iteration] of keys) batches.push(await source.batch(epoch, iteration));
  const reversed = await Promise.all([...keys].reverse().map(([epoch, iteration]) => other.batch(epoch, iteration)));

  for (const [i, batch] of batches.entries()) {
    const name = `batch(${keys[i]})`;
    if (!sameBatch(batch, reversed[keys.length - 1 - i]!)) {
      problems.push(`${name} differs when batches are asked for in another order`);
    }
    for (const [what, { data, shape }] of [["data", batch], ...batch.targets.map((t, n) => [`targets[${n}]`, t])] as [
      string,
      { data: Float32Array | Int32Array; shape: readonly number[] },
    ][]) {
      if (data.length !== elementCount(shape)) {
        problems.push(`${name}.${what} has ${data.length} elements for shape [${shape}]`);
      }
      if (data.byteLength !== data.buffer.byteLength) {
        problems.push(`${name}.${what} is part of a larger buffer, so it cannot be transferred alone`);
      }
      if (shape[0] !== batch.shape[0]) problems.push(`${name}.${what} has ${shape[0]} samples, not ${batch.shape[0]}`);
    }
    if (batch.caseIds.length !== batch.shape[0]) problems.push(`${name} names ${batch.caseIds.length} cases`);
    if (!batch.data.every(Number.isFinite)) problems.push(`${name}.data is not finite everywhere`);
    const allowed = new Set(labels.regions ? [0, 1, labels.ignoreLabel] : labels.allowed);
    for (const [n, { data }] of batch.targets.entries()) {
      const odd = data.find((label) => !allowed.has(label));
      if (odd !== undefined) problems.push(`${name}.targets[${n}] holds ${odd}, which is no declared label`);
    }
  }
  if (sameBatch(batches[0]!, batches[1]!)) problems.push("two iterations give the same batch");
  if (sameBatch(batches[0]!, batches[2]!)) problems.push("two epochs give the same batch");
  if (new Set(batches.map(({ data }) => data.buffer)).size < batches.length) {
    problems.push("batches share their arrays");
  }
  await Promise.all([source.close(), other.close()]);
  return problems;
}

function sameBatch(a: TrainingBatch, b: TrainingBatch): boolean {
  const equal = (x: Float32Array | Int32Array, y: Float32Array | Int32Array) =>
    x.length === y.length && x.every((value, i) => Object.is(value, y[i]));
  return (
    a.caseIds.join() === b.caseIds.join() &&
    equal(a.data, b.data) &&
    a.targets.length === b.targets.length &&
    a.targets.every(({ data }, i) => equal(data, b.targets[i]!.data))
  );
}

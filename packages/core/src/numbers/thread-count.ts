import { InvalidArgumentError } from "../errors.ts";

/** Beyond the cores of any machine that this runs on; a thousand threads take minutes to start, and then wait for each other. */
const MOST_THREADS = 256;

/**
 * A number of threads as it was asked for.
 *
 * @param argument - its name
 * @throws {InvalidArgumentError} if it is no integer from 1 to 256
 */
export function threadCount(argument: string, wanted: number): number {
  if (Number.isInteger(wanted) && wanted > 0 && wanted <= MOST_THREADS) return wanted;
  throw new InvalidArgumentError(argument, `a whole number from 1 to ${MOST_THREADS}`, wanted);
}

import { expect, test } from "@jest/globals";
import { createRandom } from "@nnunet/core";
import { kernelsMade, pairMade, planesMet } from "../src/index.ts";

type Matrix = readonly (readonly number[])[];
const product = (matrix: Matrix, vector: readonly number[]) =>
  matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i]!, 0));
const transposed = (matrix: Matrix) => matrix[0]!.map((_, column) => matrix.map((row) => row[column]!));

const random = createRandom(0, "winograd");
const evenNumbers = (n: number) => Array.from({ length: n }, () => 2 * random.integer(-50, 50));

/* Even integers: halves of them are exact, so the sums are equal and not only close. */
test("four products make the two planes that six make", () => {
  for (let trial = 0; trial < 100; trial++) {
    const [d, w] = [evenNumbers(4), evenNumbers(3)];
    const kernels = product(kernelsMade, w);
    const products = product(planesMet, d).map((t, i) => t * kernels[i]!);
    const direct = [0, 1].map((plane) => w.reduce((sum, value, tap) => sum + value * d[plane + tap]!, 0));
    expect(product(pairMade, products)).toEqual(direct);
  }
});

test("the same matrices, transposed, make the gradient by the kernel", () => {
  for (let trial = 0; trial < 100; trial++) {
    const [d, dy] = [evenNumbers(4), evenNumbers(2)];
    const spread = product(transposed(pairMade), dy);
    const products = product(planesMet, d).map((t, i) => t * spread[i]!);
    const direct = [0, 1, 2].map((tap) => dy[0]! * d[tap]! + dy[1]! * d[tap + 1]!);
    expect(product(transposed(kernelsMade), products)).toEqual(direct);
  }
});

test("a kernel that is flipped along its planes has the first and the last product exchanged", () => {
  const w = evenNumbers(3);
  const [first, sum, difference, last] = product(kernelsMade, w);
  expect(product(kernelsMade, [...w].reverse())).toEqual([last, sum, difference, first]);
});

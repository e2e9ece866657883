import { expect, test } from "@jest/globals";
import * as io from "@nnunet/io";

test("the package exports these names", () => {
  expect(Object.keys(io).sort()).toEqual([
    "convertDataset",
    "findDatasetFolder",
    "fixDataset",
    "listDicomSeries",
    "openDataset",
    "placementDifference",
    "readCase",
    "readDicom",
    "readImage",
    "readImageInfo",
    "verifyDataset",
    "writeImage",
  ]);
});

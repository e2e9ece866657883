import { expect, test } from "@jest/globals";
import * as io from "@nnunet/io";

test("the package exports these names", () => {
  expect(Object.keys(io).sort()).toEqual([
    "callingFilesAsWritten",
    "channelFileName",
    "channelOfStem",
    "convertDataset",
    "encodePng",
    "findDatasetFolder",
    "fixDataset",
    "imageEnding",
    "imageFiles",
    "imageFormats",
    "imageStem",
    "isDicomFile",
    "listDicomSeries",
    "openDataset",
    "placementDifference",
    "planeGeometry",
    "readCase",
    "readDicom",
    "readImage",
    "readImageInfo",
    "readLabels",
    "readStoredImage",
    "readableEndings",
    "saysItsPlace",
    "saysItsSpacing",
    "verifyDataset",
    "voxelPlace",
    "warnOfLabelElsewhere",
    "writableEndings",
    "writeImage",
    "writtenFiles",
  ]);
});

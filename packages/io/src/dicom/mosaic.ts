import { UnsupportedError } from "@nnunet/core";
import { csaValues } from "./csa-header.ts";
import type { DataSet } from "./data-set.ts";
import type { PixelFormat } from "./pixel-format.ts";

/** A Siemens mosaic: all slices of a volume side by side in one picture, row by row. */
export interface Mosaic {
  readonly slices: number;
  /** Tiles in a row; as many rows of them. */
  readonly tilesPerRow: number;
  /** Size of a tile. */
  readonly rows: number;
  readonly columns: number;
  /** The direction in which the slices follow each other, as Siemens wrote it. */
  readonly normal: readonly number[];
}

/**
 * @returns undefined for a file that is no mosaic
 * @throws {UnsupportedError} for a mosaic without the private header that says how many slices it has
 */
export function mosaicOf(dataSet: DataSet, { rows, columns }: PixelFormat, frameCount: number): Mosaic | undefined {
  if (!dataSet.text("ImageType").split("\\").includes("MOSAIC") || frameCount > 1) return undefined;
  const header = dataSet.elements.get("CsaImageHeader")?.bytes;
  const isCsa = dataSet.text("CsaCreator") === "SIEMENS CSA HEADER";
  const csa = header && isCsa ? csaValues(header, ["NumberOfImagesInMosaic", "SliceNormalVector"]) : undefined;
  const slices = csa?.get("NumberOfImagesInMosaic")?.[0];
  const normal = csa?.get("SliceNormalVector");
  if (!slices || !Number.isInteger(slices) || slices < 1 || normal?.length !== 3) {
    throw new UnsupportedError(
      `a Siemens mosaic without its private header, which says how many slices it has (${dataSet.path})`,
      "export it with private elements, or as single slices",
    );
  }
  const tilesPerRow = Math.ceil(Math.sqrt(slices));
  if (rows % tilesPerRow !== 0 || columns % tilesPerRow !== 0) {
    throw dataSet.fail("Columns", `a mosaic of ${slices} slices cannot have ${columns} × ${rows} pixels`);
  }
  return { slices, tilesPerRow, rows: rows / tilesPerRow, columns: columns / tilesPerRow, normal };
}

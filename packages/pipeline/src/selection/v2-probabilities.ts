import { join } from "node:path";
import { FileError, type Geometry, ShapeMismatchError, spatialShape, type VolumeShape } from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { readV2Probabilities, v2Placement, v2ProbabilitiesShape } from "@nnunet/interop";
import { imageStem, readImageInfo } from "@nnunet/io";
import { probabilitiesInMemory } from "@nnunet/preprocess";
import type { StoredCase } from "./stored-case.ts";

/**
 * The probabilities that nnU-Net v2 stored in a folder: `CASE.npz`. Where a case lies says its segmentation, which v2 writes
 * beside it, or else `CASE.pkl`.
 *
 * @param names - of the files in the folder
 */
export function v2StoredCases(folder: string, names: readonly string[]): StoredCase[] {
  return names
    .filter((name) => name.endsWith(".npz"))
    .map((name) => {
      const id = name.slice(0, -".npz".length);
      const path = join(folder, name);
      const image = names.find((other) => imageStem(other) === id);
      const geometryOf = async (shape: VolumeShape): Promise<Geometry> => {
        if (image !== undefined) return geometryOfImage(join(folder, image), path, shape);
        const properties = join(folder, `${id}.pkl`);
        if (await exists(properties)) return v2Placement(properties);
        throw new FileError(path, `has neither its segmentation nor ${id}.pkl beside it, which say where it lies`);
      };
      return {
        id,
        path,
        async describe() {
          const shape = await v2ProbabilitiesShape(path);
          return { shape, geometry: await geometryOf(shape) };
        },
        async open() {
          const { data, shape } = await readV2Probabilities(path);
          return probabilitiesInMemory({ data, shape, geometry: await geometryOf(shape) });
        },
      };
    });
}

async function geometryOfImage(image: string, path: string, shape: VolumeShape): Promise<Geometry> {
  const { shape: found, geometry } = await readImageInfo(image);
  const [own, beside] = [spatialShape({ shape }), spatialShape({ shape: found })];
  if (own.join() !== beside.join()) {
    throw new ShapeMismatchError(path, beside, own, `the grid of ${image}, which lies beside it`);
  }
  return geometry;
}

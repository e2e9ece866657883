import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { createVolume } from "@nnunet/core";
import { convertDataset, readCase, readImage, verifyDataset, writeImage } from "@nnunet/io";
import { scratchFolder } from "./nifti-files.ts";

const scratch = scratchFolder();
const source = join(scratch, "cells");
const root = join(scratch, "raw");
const plane = { spacing: [999, 1, 1], origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] } as const;
const picture = (channels: number, seed: number) =>
  createVolume(
    Uint8Array.from({ length: 12 * channels }, (_, i) => (i * 7 + seed) % 256),
    [channels, 1, 3, 4],
    plane,
  );
const binary = createVolume(
  Uint8Array.from({ length: 12 }, (_, i) => (i % 3 ? 255 : 0)),
  [1, 1, 3, 4],
  plane,
);

beforeEach(async () => {
  rmSync(scratch, { recursive: true });
  mkdirSync(source, { recursive: true });
});

describe("a folder of pictures", () => {
  test("becomes a dataset; 0 and 255 become 0 and 1", async () => {
    for (const id of ["0", "1", "10"]) {
      await writeImage(join(source, `images/${id}.png`), picture(1, Number(id)));
      await writeImage(join(source, `labels/${id}.png`), binary);
    }
    await writeImage(join(source, "imagesTs/9.png"), picture(1, 99));
    const dataset = await convertDataset(source, root, { datasetId: 12 });
    expect(dataset.name).toBe("Dataset012_cells");
    expect(dataset.json).toEqual({
      name: "cells",
      channelNames: ["channel_0"],
      labels: { background: 0, foreground: 1 },
      numTraining: 3,
      fileEnding: ".png",
      other: { original_label_values: { 0: 0, 1: 255 } },
    });
    expect(readdirSync(join(dataset.folder, "imagesTr")).sort()).toEqual(["0_0000.png", "10_0000.png", "1_0000.png"]);
    expect(readFileSync(join(dataset.folder, "imagesTr/10_0000.png"))).toEqual(
      readFileSync(join(source, "images/10.png")),
    );
    const loaded = await readCase(dataset.trainingCases[0]!, dataset.json);
    expect(loaded.image.shape).toEqual([1, 1, 3, 4]);
    expect(Array.from(loaded.label!.data)).toEqual(Array.from(binary.data, (v) => v / 255));
    expect((await verifyDataset(dataset.folder)).problems).toEqual([]);
  });

  test("colours are three channels of one file; other formats are written as PNG", async () => {
    await writeImage(join(source, "images/a.bmp"), picture(3, 5));
    await writeImage(
      join(source, "labels/a.png"),
      createVolume(
        Uint8Array.from({ length: 12 }, (_, i) => i % 3),
        [1, 1, 3, 4],
        plane,
      ),
    );
    const dataset = await convertDataset(source, root, { datasetId: 13, name: "Colour" });
    expect(dataset.json).toMatchObject({
      channelNames: ["R", "G", "B"],
      labels: { background: 0, label_1: 1, label_2: 2 },
    });
    const { image } = await readCase(dataset.trainingCases[0]!, dataset.json);
    expect(image.shape).toEqual([3, 1, 3, 4]);
    expect(image.data).toEqual(Float32Array.from(picture(3, 5).data));
    expect((await readImage(join(dataset.folder, "imagesTr/a_0000.png"))).data).toEqual(picture(3, 5).data);
    expect((await verifyDataset(dataset.folder)).ok).toBe(true);
  });

  test("a picture without its partner is named", async () => {
    await writeImage(join(source, "images/a.png"), picture(1, 5));
    await writeImage(join(source, "images/b.png"), picture(3, 5));
    await writeImage(join(source, "labels/a.png"), binary);
    await expect(convertDataset(source, root)).rejects.toHaveProperty(
      "message",
      "datasetId: expected a number, because the folder is not called TaskNN_Name, got undefined",
    );
    await expect(convertDataset(source, root, { datasetId: 3 })).rejects.toHaveProperty(
      "message",
      `${source}/images/b.png: there is no label b in ${source}/labels; add it`,
    );
    await writeImage(join(source, "labels/b.png"), binary);
    await expect(convertDataset(source, root, { datasetId: 3 })).rejects.toHaveProperty(
      "message",
      `${source}/images/b.png: it has 3 channels, but a.png has 1; all pictures must agree`,
    );
  });
});

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { freeDisk, ScratchFile } from "@nnunet/core/node";

test("a scratch file gives back what was written, has no name, and says what is wrong", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nnunet-scratch-"));
  try {
    const file = new ScratchFile(join(folder, "case.nii.gz"));
    if (process.platform !== "win32") expect(await readdir(folder)).toEqual([]);
    file.write(Float32Array.of(1, 2, 3), 10);
    file.write(Float32Array.of(9), 11);
    const back = new Float32Array(4);
    file.read(back, 9);
    expect([...back]).toEqual([0, 1, 9, 3]);
    expect(() => file.read(back, 10)).toThrow("could not be read: it ended too early");
    file.close();
    expect(await readdir(folder)).toEqual([]);
    expect(freeDisk(join(folder, "case"))).toBeGreaterThan(0);
    const early = new ScratchFile(join(folder, "not", "yet", "case"));
    early.write(Float32Array.of(1), 0);
    early.close();
    expect(freeDisk(join(folder, "not", "yet", "case"))).toBeGreaterThan(0);
    expect(await readdir(folder)).toEqual([]);
    await writeFile(join(folder, "file"), "");
    expect(() => new ScratchFile(join(folder, "file", "case"))).toThrow("a part of the path is a file, not a folder");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

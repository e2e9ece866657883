import { expect, test } from "@jest/globals";
import { imageFormats } from "@nnunet/io";
import { nnunet } from "./run-nnunet.ts";

test("info --formats lists every format, its endings, who reads it and whether it is written", async () => {
  const { code, stdout } = await nnunet("info", "--formats");
  expect(code).toBe(0);
  for (const { name, endings, readBy } of imageFormats) {
    const line = stdout.split("\n").find((text) => text.startsWith(`${name} `))!;
    for (const ending of endings) expect(line).toContain(ending);
    expect(line).toContain(readBy);
  }
  const { stdout: json } = await nnunet("info", "--formats", "--json");
  const formats: { format: string; written: boolean }[] = JSON.parse(json).formats;
  expect(formats.map(({ format, written }) => [format, written])).toEqual(
    imageFormats.map(({ name, write }) => [name, write !== undefined]),
  );
});

test("info without anything to describe is an error of the command line", async () => {
  const { code, stderr } = await nnunet("info");
  expect(code).toBe(2);
  expect(stderr).toContain("missing required argument 'artefact'");
});

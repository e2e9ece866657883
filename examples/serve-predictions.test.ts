import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { type OutgoingHttpHeaders, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { createVolume } from "@nnunet/core";
import { readImage, writeImage } from "@nnunet/io";
import { createPredictor, type EmbeddedPredictor } from "@nnunet/pipeline";
import { predictionServer } from "./serve-predictions.ts";

jest.setTimeout(120_000);

/** A model that the real nnU-Net trained, an image, and what it made of it. */
const fixture = fileURLToPath(
  new URL("../packages/interop/tests/fixtures/models/plain-3d-two-folds/", import.meta.url),
);

let scratch: string;
let predictor: EmbeddedPredictor;
let server: Server;
let url: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "nnunet-example-"));
  predictor = await createPredictor(join(fixture, "model"), { maxWaiting: 0 });
  server = predictionServer(predictor, 1e6).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await predictor?.dispose();
  await rm(scratch, { recursive: true, force: true });
});

const image = () => readFile(join(fixture, "images", "test_0000.nii.gz"));
const segment = async (body: Uint8Array) => fetch(`${url}/segment`, { method: "POST", body });

test("an image goes in, its segmentation comes out, nothing stays", async () => {
  const response = await segment(await image());
  expect(response.status).toBe(200);
  const result = join(scratch, "result.nii.gz");
  await writeFile(result, new Uint8Array(await response.arrayBuffer()));
  const [got, expected] = [await readImage(result), await readImage(join(fixture, "segmentation.nii.gz"))];
  expect(got.geometry.spacing).toEqual(expected.geometry.spacing);
  expect([...got.data]).toEqual([...expected.data]);
  expect((await readdir(tmpdir())).filter((name) => name.startsWith("nnunet-server-"))).toEqual([]);
});

test("what is strange about an image is told with its segmentation", async () => {
  expect((await segment(await image())).headers.get("x-warnings")).toBeNull();
  const { shape, geometry } = await readImage(join(fixture, "images", "test_0000.nii.gz"));
  const blank = join(scratch, "blank.nii.gz");
  await writeImage(blank, createVolume(new Int16Array(shape[1] * shape[2] * shape[3]), shape, geometry));
  const response = await segment(await readFile(blank));
  expect(response.status).toBe(200);
  expect(decodeURIComponent(response.headers.get("x-warnings")!)).toMatch(
    /shows nothing: every voxel of channel 0 is 0/,
  );
});

/** The answer's status and text to a request with headers that `fetch` does not let one set. */
async function answerTo(headers: OutgoingHttpHeaders): Promise<[number, string]> {
  const sent = request(`${url}/segment`, { method: "POST", headers }).end(await image());
  const [response] = await once(sent, "response");
  const text = (await response.setEncoding("latin1").toArray()).join("");
  return [response.statusCode, text];
}

test("pages of other hosts are refused, also where a name of theirs leads here", async () => {
  const refused = [403, "only this machine's own programs and pages are served\n"];
  for (const origin of [
    "https://example.com",
    "null",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
  ]) {
    expect([origin, await answerTo({ origin })]).toEqual([origin, refused]);
  }
  for (const host of ["example.com", "example.com:8080", "localhost.example.com", "127.0.0.1.example.com", "0.0.0.0"]) {
    expect([host, await answerTo({ host })]).toEqual([host, refused]);
    expect([host, await answerTo({ host, origin: `http://${host}` })]).toEqual([host, refused]);
  }
});

test("programs and pages of this machine are served by every name of it", async () => {
  for (const host of ["localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST"]) {
    expect([host, (await answerTo({ host }))[0]]).toEqual([host, 200]);
    expect([host, (await answerTo({ host, origin: `http://${host}` }))[0]]).toEqual([host, 200]);
  }
});

test("an image that is never done within the limits is not to be sent again later", async () => {
  const narrow = await createPredictor(join(fixture, "model"), { maxPatches: 1 });
  const other = predictionServer(narrow).listen(0, "127.0.0.1");
  try {
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/segment`, { method: "POST", body: await image() });
    expect([response.status, await response.text()]).toEqual([413, expect.stringMatching(/too many patches/)]);
  } finally {
    other.close();
    await narrow.dispose();
  }
});

test("what cannot be done is said with its status", async () => {
  expect((await fetch(url)).status).toBe(404);
  const damaged = await segment(new Uint8Array(1000));
  expect([damaged.status, await damaged.text()]).toEqual([422, expect.stringMatching(/^image\.nii\.gz/)]);
  expect((await segment(new Uint8Array(2e6))).status).toBe(413);
  const body = await image();
  const statuses = (await Promise.all([1, 2, 3].map(() => segment(body)))).map(({ status }) => status);
  expect([...new Set(statuses)].sort()).toEqual([200, 503]);
  expect((await segment(body)).status).toBe(200);
});

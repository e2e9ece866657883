/**
 * A predictor behind node:http, for this machine alone. An image goes in, its segmentation comes out:
 *
 *   node tools/run-example.mjs examples/serve-predictions.ts model.onnx
 *   curl --data-binary @case_0000.nii.gz http://127.0.0.1:8080/segment -o case.nii.gz -D -
 *
 * What is strange about the image comes in the header x-warnings, percent-encoded, a line each. Pages of other hosts that
 * the user visits reach this address as well: what their browser sends is refused by its Origin, or by its Host where a
 * name of theirs leads here.
 */
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isNnunetError } from "@nnunet/core";
import { writeImage } from "@nnunet/io";
import { createPredictor, type EmbeddedPredictor } from "@nnunet/pipeline";

const MOST_BYTES = 500e6;
/** Characters; a header may not be long. */
const MOST_WARNED = 1000;

export function predictionServer(predictor: EmbeddedPredictor, mostBytes = MOST_BYTES): Server {
  return createServer(async (request, response) => {
    const answer = (status: number, text: string) => {
      response.writeHead(status, { "content-type": "text/plain", connection: "close" }).end(`${text}\n`);
    };
    if (!isFromHere(request.headers)) return answer(403, "only this machine's own programs and pages are served");
    if (request.method !== "POST" || request.url !== "/segment") return answer(404, "POST an image to /segment");
    const gone = new AbortController(); // nobody waits for the answer any more
    response.on("close", () => gone.abort());
    let folder = "";
    const shown = (text: string) => text.replaceAll(`${folder}/`, "");
    try {
      folder = await mkdtemp(join(tmpdir(), "nnunet-server-"));
      const [image, result] = [join(folder, "image.nii.gz"), join(folder, "segmentation.nii.gz")];
      await pipeline(request, atMost(mostBytes), createWriteStream(image));
      const { segmentation, warnings } = await predictor.predict(image, { signal: gone.signal });
      await writeImage(result, segmentation);
      const told = encodeURIComponent([...shown(warnings.join("\n"))].slice(0, MOST_WARNED).join(""));
      const headers = { "content-type": "application/gzip", ...(told && { "x-warnings": told }) };
      response.writeHead(200, headers).end(await readFile(result));
    } catch (error) {
      if (gone.signal.aborted) return;
      const problem = shown(error instanceof Error ? error.message : String(error));
      if (error instanceof TooLarge) answer(413, problem);
      else if (isNnunetError(error, "LIMIT")) answer(error.hint === "try again later" ? 503 : 413, problem);
      else answer(isNnunetError(error) ? 422 : 500, problem);
    } finally {
      if (folder) await rm(folder, { recursive: true, force: true });
    }
  });
}

/** Whether a request is addressed to this machine by one of its own names and, of a page, comes from a page of its own. */
function isFromHere({ host = "", origin }: IncomingHttpHeaders): boolean {
  const here = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
  return here.test(host) && (origin === undefined || here.test(origin.replace(/^https?:\/\//i, "")));
}

class TooLarge extends Error {}

/** Passes on what comes, up to a size. */
function atMost(mostBytes: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      if (bytes <= mostBytes) done(null, chunk);
      else done(new TooLarge(`an image may have ${mostBytes} bytes`));
    },
  });
}

const [, , example, model] = process.argv;
if (example?.endsWith("serve-predictions.ts") && model) {
  const server = predictionServer(await createPredictor(model, { maxMemoryGb: 8 }));
  server.listen(8080, "127.0.0.1", () => console.log("http://127.0.0.1:8080/segment"));
}

import { isMainThread } from "node:worker_threads";
import { UnsupportedError } from "../errors.ts";

/** What onnxruntime reads, once, when its first session is made. */
const VARIABLE = "ORT_DISABLE_TELEMETRY";

/**
 * Switches off onnxruntime's telemetry, which is on by default: it makes a device id and a database of events below the
 * user's cache folder, and the events name the model and its metadata. Call it before the first session of a process;
 * every loader of onnxruntime in this project does.
 *
 * onnxruntime reads the environment of the process. A worker thread's `process.env` is a copy of it that the native
 * library never sees, so in a thread this can only look whether telemetry is off, and refuses to go on if it is not.
 *
 * @throws {UnsupportedError} in a worker thread, if the process did not switch it off before
 */
export function switchOffTelemetry(): void {
  if (process.env[VARIABLE] !== "1") process.env[VARIABLE] = "1";
  if (isMainThread || processEnvironment()[VARIABLE] === "1") return;
  throw new UnsupportedError(
    "onnxruntime in a worker thread whose process has not switched its telemetry off",
    `set process.env.${VARIABLE} = "1" in the main thread before this thread uses a network`,
  );
}

/** The environment of the process itself, as native code sees it. Network interfaces are left out of the report. */
function processEnvironment(): Record<string, string | undefined> {
  const { report } = process as { report: NodeJS.ProcessReport & { excludeNetwork?: boolean } };
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  try {
    return (report.getReport() as { environmentVariables?: Record<string, string> }).environmentVariables ?? {};
  } finally {
    if (before !== undefined) report.excludeNetwork = before;
  }
}

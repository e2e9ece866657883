import { writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { tellTemporariesTo } from "@nnunet/core/node";
import { main } from "../index.ts";
import { reportFailure } from "../session.ts";
import { channels, terminalVariable, type ToWorker } from "./channels.ts";
import { useShell } from "./shell.ts";

/*
 * Entry of the process that works; `supervise.ts` starts it. It may be blocked for minutes by arithmetic or foreign
 * code, so it leaves signals to the process that started it, and is killed if it does not stop by itself.
 */

const stopListeners = new Set<() => void>();
let columns = Number(process.env[terminalVariable] ?? 0) || undefined;
const stop = () => {
  for (const listener of stopListeners) listener();
};

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.on("message", (message: ToWorker) => {
  if (message.columns !== undefined) columns = message.columns;
  if (message.stop) stop();
});
process.on("disconnect", stop); // whoever started this is gone
process.channel?.unref();
endWithParent();
tellTemporariesTo(channels.temporaries);

useShell({
  result: (text) => writeWhole(channels.results, text),
  progress: (text) => writeWhole(channels.progress, text),
  isWatched: true,
  columns: () => columns,
  onStop(listener) {
    stopListeners.add(listener);
    return () => stopListeners.delete(listener);
  },
});
const args = process.argv.slice(2);
const fail = (error: unknown) => {
  process.exit(reportFailure(error, { json: args.includes("--json"), debug: args.includes("--debug") }));
};
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
process.exitCode = await main(args);
process.channel?.unref();
if (process.connected) process.disconnect();

function writeWhole(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
  } catch {
    // the process that shows it is gone; the thread below ends this one
  }
}

/** A thread of its own, because this one may be blocked: without its parent the process ends within three seconds. */
function endWithParent(): void {
  const source = `
    const { workerData } = require("node:worker_threads");
    setInterval(() => {
      if (process.ppid !== workerData.parent) setTimeout(() => process.kill(process.pid, "SIGKILL"), 2000);
    }, 500);`;
  new Worker(source, { eval: true, workerData: { parent: process.ppid }, execArgv: [] }).unref();
}

import { type ChildProcess, spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { exitCodes } from "../exit-codes.ts";
import { channels, terminalVariable, type ToWorker } from "./channels.ts";
import { foreignLines } from "./foreign-lines.ts";
import { hangupIgnored } from "./hangup.ts";
import { outlet } from "./outlet.ts";
import type { Failure } from "./say.ts";

/** After a first Ctrl-C the work may end by itself for so long: within the second it is over. */
const graceMilliseconds = 500;
/** Loaded when there is something to say, so that the work starts without waiting for it. */
const words = () => import("./say.ts");
const saysMemory = async (lastWords: readonly string[]) =>
  lastWords.length > 0 && (await import("@nnunet/core")).isOutOfMemory(lastWords.join(" "));

/** npm and shells pass one Ctrl-C on twice. */
const sameKeyMilliseconds = 150;

/**
 * Runs the command in a process of its own and stays awake beside it. JavaScript hears no signal while it computes, and
 * native code never does, so the one that listens must not be the one that works. It also keeps what others print out
 * of our streams, outlives a reader that goes away, and tells of a crash in one sentence.
 *
 * @param args - without node and script
 * @returns the exit code
 */
export async function supervise(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  const stdout = outlet(process.stdout);
  const stderr = outlet(process.stderr);
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL("./work.js", import.meta.url)), ...args],
    {
      stdio: ["inherit", "pipe", "pipe", "ipc", "pipe", "pipe", "pipe"],
      env: { ...process.env, [terminalVariable]: String(process.stderr.isTTY ? (process.stderr.columns ?? 80) : 0) },
    },
  );
  const temporaries = new Set<string>();
  // Under --json a document is shown whole or not at all, and an event is never broken by somebody else's line.
  let document = "";
  read(child, channels.results, (text) => {
    if (json) document += text;
    else stdout.write(text);
  });
  const progress = json ? wholeLines((line) => stderr.write(`${line}\n`)) : (text: string) => stderr.write(text);
  read(child, channels.progress, progress);
  let unfinished = "";
  read(child, channels.temporaries, (text) => {
    const names = (unfinished + text).split("\0");
    unfinished = names.pop()!;
    for (const name of names) temporaries.add(name);
  });
  const clearBar = () => {
    if (process.stderr.isTTY && !json) stderr.write("\r\x1b[2K"); // the next event draws it again
  };
  let said: Promise<void> = Promise.resolve();
  const foreign = foreignLines((text) => {
    said = said.then(async () => {
      const { sayEvent, sayLines } = await words();
      clearBar();
      if (json) sayEvent(stderr.write, { type: "message", stage: "runtime", level: "warning", text });
      else sayLines(stderr.write, [text]);
    });
  });
  for (const stream of [child.stdout!, child.stderr!]) {
    stream
      .setEncoding("utf8")
      .on("data", foreign.take)
      .on("error", () => {});
  }

  let killed = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let grace: NodeJS.Timeout | undefined;
  let giveUp = () => {};
  const kill = () => {
    killed = true;
    child.kill("SIGKILL");
    setTimeout(() => giveUp(), 250).unref(); // much memory to give back, or a disk that does not answer
  };
  const stop = () => {
    const now = performance.now();
    if (now - askedAt < sameKeyMilliseconds) return;
    if (grace !== undefined) return kill();
    askedAt = now;
    grace = setTimeout(kill, graceMilliseconds);
    tell(child, { stop: true });
  };
  const onHangup = hangupIgnored() ? () => {} : stop;
  const onResize = () => tell(child, { columns: process.stderr.columns ?? 80 });
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", onHangup);
  process.stderr.on("resize", onResize);

  const ended = await new Promise<Ended>((resolve) => {
    child.on("error", (error) => resolve({ code: null, signal: null, error }));
    child.on("close", (code, signal) => resolve({ code, signal }));
    giveUp = () => resolve({ code: null, signal: "SIGKILL" });
  });
  clearTimeout(grace);
  foreign.end();
  await said;
  if (ended.code !== exitCodes.ok) await removed(temporaries);
  // Before it has its own ear for signals, a Ctrl-C ends the working process at once.
  const interrupted = ended.signal !== null && (grace !== undefined || isStop(ended.signal));
  const stopped = killed || interrupted || ended.code === exitCodes.cancelled;
  const failure = stopped ? "stopped" : crashOf(ended, await saysMemory(foreign.crash));
  let code: number = ended.code ?? exitCodes.internal;
  if (failure) {
    const { sayFailure, sayLines, stoppedSentence } = await words();
    const told: Failure = failure === "stopped" ? stoppedSentence : failure;
    code = told.exitCode;
    clearBar();
    if (args.includes("--debug") && foreign.crash.length > 0) sayLines(stderr.write, foreign.crash);
    sayFailure(told, { json, result: (text) => (document = text), progress: stderr.write });
  }
  stdout.write(document);
  const patience = grace === undefined ? undefined : setTimeout(() => process.exit(exitCodes.cancelled), 300);
  await Promise.all([stdout.drained(), stderr.drained()]);
  clearTimeout(patience);
  process.off("SIGINT", stop).off("SIGTERM", stop).off("SIGHUP", onHangup);
  process.stderr.off("resize", onResize);
  // A reader that has seen enough is no fault; a result that found no room is.
  if (code !== exitCodes.ok || stdout.broken === undefined || ["EPIPE", "ECONNRESET"].includes(stdout.broken))
    return code;
  const { sayFailure } = await words();
  const message = `the results could not be written to standard output (${stdout.broken}); free some space, or write elsewhere`;
  sayFailure({ code: "FILE", message, exitCode: exitCodes.input }, { json, result: () => {}, progress: stderr.write });
  return exitCodes.input;
}

const isStop = (signal: NodeJS.Signals) => ["SIGINT", "SIGTERM", "SIGHUP"].includes(signal);

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: Error;
}

/**
 * What a process that did not end by itself is told of; undefined for one that did.
 *
 * @param saidMemory - whether its last words were that memory ended
 */
function crashOf({ code, signal, error }: Ended, saidMemory: boolean): Failure | undefined {
  const memory = { code: "LIMIT", exitCode: exitCodes.input };
  const room = "close other programs, lower --workers or --max-memory, or use a coarser configuration";
  if (error) {
    const message = `no process could be started to do the work (${error.message}); is the machine out of memory or processes?`;
    return { ...memory, message };
  }
  if (saidMemory) return { ...memory, message: `the work needs more memory than Node can give it; ${room}` };
  if (signal === "SIGKILL") {
    return { ...memory, message: `the system ended the work, most likely because memory ran out; ${room}` };
  }
  const known = Object.values(exitCodes) as number[];
  if (signal === null && code !== null && known.includes(code)) return undefined;
  const how = signal ?? `code ${code}`;
  const message = `the work broke off inside the runtime (${how}); this is a defect; --debug prints what it said`;
  return { code: "INTERNAL", message, exitCode: exitCodes.internal };
}

function read(child: ChildProcess, channel: number, take: (text: string) => void): void {
  const stream = child.stdio[channel] as Readable;
  stream
    .setEncoding("utf8")
    .on("data", take)
    .on("error", () => {});
}

/** Calls `take` with whole lines only. */
function wholeLines(take: (line: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(line);
  };
}

function tell(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => {});
}

/** A lock may be somebody else's by now. */
async function remove(path: string): Promise<void> {
  if (path.endsWith(".lock")) (await import("@nnunet/core/node")).removeEndedLock(path);
  else await rm(path, { recursive: true, force: true }).catch(() => {});
}

/** What was in the making when the work ended; a second at most. */
async function removed(paths: ReadonlySet<string>): Promise<void> {
  const all = Promise.all([...paths].map(remove));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, 1000);
  });
  await Promise.race([all, late]);
  clearTimeout(timer);
}

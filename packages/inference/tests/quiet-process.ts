import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a process did that a user did not ask for. */
export interface Traces {
  readonly stdout: string;
  /** Everything that it left below its HOME, and below the folders that stand for HOME on other systems. */
  readonly madeBelowHome: readonly string[];
  /** System calls that look up a name or open a connection; undefined where they cannot be traced. */
  readonly network: readonly string[] | undefined;
}

const root = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * Runs a module, on built packages, in a process of its own whose HOME is an empty writable folder, with nothing in the
 * environment that switches telemetry off. It is given a second after its work, which is ample for onnxruntime's
 * telemetry to make its files.
 *
 * @param files - put beside the module; it finds them by `process.argv[2]`, their folder
 */
export function runQuietly(module: string, files: Readonly<Record<string, Uint8Array>> = {}): Traces {
  const folder = mkdtempSync(join(tmpdir(), "nnunet-quiet-"));
  try {
    const home = join(folder, "home");
    const work = join(folder, "work");
    const trace = join(folder, "trace");
    for (const made of [home, work]) mkdirSync(made);
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(work, name), bytes);
    const script = `${module}\nawait new Promise((resolve) => setTimeout(resolve, 1000));`;
    const node = [process.execPath, "--input-type=module", "-e", script, "quiet", work];
    const traced = canTrace();
    const [command, ...args] = traced
      ? ["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto,sendmsg,open,openat", "-o", trace, ...node]
      : node;
    const { ORT_DISABLE_TELEMETRY: _, ...rest } = process.env;
    const caches = { XDG_CACHE_HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, XDG_STATE_HOME: home };
    const env = { ...rest, HOME: home, USERPROFILE: home, LOCALAPPDATA: home, APPDATA: home, ...caches };
    const ran = spawnSync(command!, args, { cwd: root, env, encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`the process failed: ${ran.stderr || ran.error}`);
    return {
      stdout: ran.stdout,
      madeBelowHome: readdirSync(home, { recursive: true }) as string[],
      network: traced ? networkCalls(readFileSync(trace, "utf8")) : undefined,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function canTrace(): boolean {
  const works = spawnSync("strace", ["-qq", "-e", "trace=none", "true"]).status === 0;
  if (!works) console.warn("skipped: system calls are not traced, for want of a working strace");
  return works;
}

/** Sockets of the internet families, and the files that a name look-up reads. */
function networkCalls(trace: string): string[] {
  const asked = /AF_INET|"\/etc\/(resolv\.conf|hosts|nsswitch\.conf|services)"|libnss_|\/nscd\//;
  return trace.split("\n").filter((line) => asked.test(line));
}

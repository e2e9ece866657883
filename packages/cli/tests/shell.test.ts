import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, jest, test } from "@jest/globals";
import { writeMadeDataset } from "./made-dataset.ts";
import { withScratch } from "./run-nnunet.ts";

jest.setTimeout(120_000);

const bin = fileURLToPath(new URL("../bin/nnunet.mjs", import.meta.url));
const foreign = fileURLToPath(new URL("./fixtures/misbehave.mjs", import.meta.url));
const built = existsSync(new URL("../dist/shell/work.js", import.meta.url));
const onLinux = process.platform === "linux";
if (!built || !onLinux) console.warn("shell tests skipped: they need Linux and a built packages/cli (npm run build)");
const describeWhereBuilt = built && onLinux ? describe : describe.skip;

const splits = JSON.stringify([{ train: ["a"], val: ["b"] }]);
const shown = "the folds of a cross-validation";

/** The command with foreign code in its working process. */
const withForeign = (...args: readonly string[]) => ["--import", foreign, bin, ...args];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** Sends the signals, 400 ms apart, once the working process says that it is blocked. */
function whileBlocked(
  command: string,
  args: readonly string[],
  environment: Record<string, string>,
  signals: readonly NodeJS.Signals[],
): Promise<Ended> {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr, sentAt] = ["", "", 0];
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
    if (sentAt > 0 || !stderr.includes("blocked")) return;
    sentAt = Date.now();
    for (const [i, signal] of signals.entries()) setTimeout(() => child.kill(signal), 400 * i);
  });
  return new Promise((resolve) =>
    child.on("close", (code) => resolve({ code, stdout, stderr, seconds: (Date.now() - sentAt) / 1000 })),
  );
}

describeWhereBuilt("a process that is blocked by foreign code", () => {
  test.each([[["SIGINT"]], [["SIGINT", "SIGINT"]], [["SIGTERM"]], [["SIGHUP"]]] as const)(
    "ends at %j with 130, and nothing half-written is left",
    (signals) =>
      withScratch(async (scratch) => {
        await writeFile(join(scratch, "splits_final.json"), splits);
        const environment = { MISBEHAVE: "block", MISBEHAVE_FILE: join(scratch, "result.json"), _: "node" };
        const ended = await whileBlocked(
          process.execPath,
          withForeign("info", join(scratch, "splits_final.json")),
          environment,
          signals,
        );
        expect(ended.code).toBe(130);
        expect(ended.stderr).toContain("nnunet: stopped; what is finished is kept");
        expect(ended.seconds).toBeLessThan(10);
        expect(await readdir(scratch)).toEqual(["splits_final.json"]);
      }),
  );

  test("under --json there is one document that says so", () =>
    withScratch(async (scratch) => {
      const environment = { MISBEHAVE: "block", MISBEHAVE_FILE: join(scratch, "result.json"), _: "node" };
      const args = withForeign("info", "--json", join(scratch, "none"));
      const ended = await whileBlocked(process.execPath, args, environment, ["SIGINT"]);
      expect(JSON.parse(ended.stdout).error).toMatchObject({ code: "CANCELLED", exitCode: 130 });
    }));

  test("nohup: a terminal that closes ends nothing", () =>
    withScratch(async (scratch) => {
      await writeFile(join(scratch, "splits_final.json"), splits);
      const words = [process.execPath, ...withForeign("info", join(scratch, "splits_final.json"))];
      // bash, as on a terminal: it is the shell that leaves a trace of nohup
      const ended = await whileBlocked("bash", ["-c", `nohup ${words.join(" ")}`], { MISBEHAVE: "slow" }, ["SIGHUP"]);
      expect(ended.stdout).toContain(shown);
      expect(ended.code).toBe(0);
    }));

  test("a script that ignores the hangup is obeyed, too", () =>
    withScratch(async (scratch) => {
      await writeFile(join(scratch, "splits_final.json"), splits);
      const words = [process.execPath, ...withForeign("info", join(scratch, "splits_final.json"))].join(" ");
      const child = spawn("bash", ["-c", `trap '' HUP; ${words} & wait $!`], {
        env: { ...process.env, MISBEHAVE: "slow", _: "" },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
      let stdout = "";
      child.stdout.on("data", (text) => {
        stdout += text;
      });
      child.stderr.once("data", () => process.kill(-child.pid!, "SIGHUP"));
      const code = await new Promise((resolve) => child.on("close", resolve));
      expect(stdout).toContain(shown);
      expect(code).toBe(0);
    }));
});

describeWhereBuilt("streams that nobody reads", () => {
  const inBash = (script: string) => spawnSync("bash", ["-c", script], { encoding: "utf8" });

  test("head may go away: the work goes on to its end", () =>
    withScratch(async (scratch, roots) => {
      await writeMadeDataset(join(scratch, "raw"));
      const command = `"${process.execPath}" "${bin}" fingerprint 8 --json ${roots.join(" ")}`;
      const { stdout } = inBash(`${command} 2>&1 | head -1; echo "code \${PIPESTATUS[0]}"`);
      expect(stdout.split("\n")[0]).toMatch(/^\{"type":"stage-start"/);
      expect(stdout).toContain("code 0");
      expect(existsSync(join(scratch, "preprocessed", "Dataset008_Made", "dataset_fingerprint.json"))).toBe(true);
    }));

  test("a full device on stderr costs the progress and nothing else", () =>
    withScratch(async (scratch, roots) => {
      await writeMadeDataset(join(scratch, "raw"));
      const { status, stdout, stderr } = inBash(
        `"${process.execPath}" "${bin}" fingerprint 8 ${roots.join(" ")} 2> /dev/full`,
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain("Next: nnunet plan 8");
    }));

  test("a full device on stdout: the result is lost, so the code is 3 and one sentence says why", () =>
    withScratch(async (scratch) => {
      await writeFile(join(scratch, "splits_final.json"), splits);
      const { status, stderr } = inBash(
        `"${process.execPath}" "${bin}" info "${join(scratch, "splits_final.json")}" > /dev/full`,
      );
      expect(stderr).toBe(
        "nnunet: the results could not be written to standard output (ENOSPC); free some space, or write elsewhere\n",
      );
      expect(status).toBe(3);
    }));
});

describeWhereBuilt("what native code prints", () => {
  const run = (misbehave: string, ...args: readonly string[]) =>
    spawnSync(process.execPath, args, { encoding: "utf8", env: { ...process.env, MISBEHAVE: misbehave } });

  test("becomes an event under --json, without colours; stdout stays one document", () =>
    withScratch(async (scratch) => {
      await writeFile(join(scratch, "splits_final.json"), splits);
      const { stdout, stderr, status } = run(
        "print",
        ...withForeign("info", "--json", join(scratch, "splits_final.json")),
      );
      expect(JSON.parse(stdout)[0].kind).toBe("splits");
      const events = stderr
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(events.map(({ text }) => text).sort()).toEqual([
        "2026 [W:onnxruntime] something",
        "second \u0007line",
        "to stdout",
      ]);
      expect(new Set(events.map(({ type, stage, level }) => `${type} ${stage} ${level}`))).toEqual(
        new Set(["message runtime warning"]),
      );
      expect(status).toBe(0);
    }));

  test("is neutralised on stderr without --json", () => {
    const { stderr } = run("print", ...withForeign("info", "/none"));
    expect(stderr).toContain("second \\x07line");
    expect(stderr.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  test.each([
    ["abort", 4, /^nnunet: the work broke off inside the runtime \(SIGABRT\); this is a defect/],
    ["killed", 3, /^nnunet: the system ended the work, most likely because memory ran out; close other programs/],
  ] as const)("a crash (%s) is one sentence", (misbehave, code, sentence) => {
    const { status, stderr } = run(misbehave, ...withForeign("info", "/none"));
    expect(stderr.trimEnd()).not.toContain("\n");
    expect(stderr).toMatch(sentence);
    expect(status).toBe(code);
  });

  test("a full heap is one sentence, without V8's own pages", () => {
    const { status, stderr } = run("heap", "--max-old-space-size=40", ...withForeign("info", "/none"));
    expect(stderr.trimEnd()).toMatch(/^nnunet: the work needs more memory than Node can give it; [^\n]*$/);
    expect(status).toBe(3);
  });

  test("so is an address space that has no room for another worker, which V8 calls a fatal process OOM", () => {
    const limited = `ulimit -v 3000000; exec "$0" "$@"`;
    const { status, stderr } = spawnSync("bash", ["-c", limited, process.execPath, ...withForeign("info", "/none")], {
      encoding: "utf8",
      env: { ...process.env, MISBEHAVE: "workers" },
    });
    expect(stderr.trimEnd()).toMatch(/^nnunet: the work needs more memory than Node can give it; [^\n]*$/);
    expect(status).toBe(3);
  });
});

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";

const script = fileURLToPath(new URL("../results/figure6.mjs", import.meta.url));
const hippocampus = resolve("../shared/data/Task04_Hippocampus");
const testWithData = existsSync(hippocampus) ? test : test.skip;
if (!existsSync(hippocampus)) console.warn(`figure 6 is not drawn: ${hippocampus} is not there`);

testWithData(
  "Figure 6 runs from its start to its page, in small: nine variants, each trained, ranked and drawn",
  () => {
    const target = mkdtempSync(join(tmpdir(), "nnunet-figure6-"));
    try {
      const { status, stderr } = spawnSync(process.execPath, [script, hippocampus, target, "--small"], {
        encoding: "utf8",
      });
      expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
      const page = readFileSync(join(target, "figure6.md"), "utf8");
      expect(page.match(/^\| `[a-z0-9-]+` \| 0\.\d{4} \| \d\.\d\d \| \d+ % \|$/gm)).toHaveLength(9);
      expect(page).toContain("4 validation cases.");
      expect(readFileSync(join(target, "figure6.svg"), "utf8")).toContain("three-convs");
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  },
  1_800_000,
);

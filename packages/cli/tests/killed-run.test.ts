import { jest, test } from "@jest/globals";
import { expectSameBytesAfterKills, isBuilt } from "./kill-run.ts";

jest.setTimeout(600_000);
if (!isBuilt) console.warn("skipped: no run is killed: packages/cli is not built (npm run build)");
const testWhereBuilt = isBuilt ? test : test.skip;

testWhereBuilt("a run that is killed at three random moments and started again ends in the same bytes", () =>
  expectSameBytesAfterKills(3),
);

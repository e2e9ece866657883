import { jest, test } from "@jest/globals";
import { expectSameBytesAfterKills, isBuilt } from "./kill-run.ts";

jest.setTimeout(3_600_000);
if (!isBuilt) console.warn("skipped: no run is killed: packages/cli is not built (npm run build)");
const testWhereBuilt = isBuilt ? test : test.skip;

testWhereBuilt("a run that is killed at twenty random moments and started again ends in the same bytes", () =>
  expectSameBytesAfterKills(20),
);

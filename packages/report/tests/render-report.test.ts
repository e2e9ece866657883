import { expect, test } from "@jest/globals";
import { renderReport } from "@nnunet/report";
import { writeFileSync } from "node:fs";
import { sampleReport } from "./sample-report.ts";

test("preview", () => {
  writeFileSync("/tmp/report/sample.html", renderReport(sampleReport()));
  expect(1).toBe(1);
});

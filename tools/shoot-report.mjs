// The picture of a report in the README of @nnunet/report: node tools/shoot-report.mjs report.html packages/report/report.png
// Needs chromium-headless-shell (or CHROMIUM=another Chromium), which nothing else here does.
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [page, picture] = process.argv.slice(2);
if (page === undefined || picture === undefined) {
  console.error("usage: node tools/shoot-report.mjs REPORT.html PICTURE.png");
  process.exit(2);
}
const browser = process.env.CHROMIUM ?? "chromium-headless-shell";
const size = ["--window-size=1240,850", "--force-device-scale-factor=0.8", "--hide-scrollbars"];
const safe = ["--no-sandbox", "--disable-gpu"];
execFileSync(browser, [...safe, ...size, `--screenshot=${resolve(picture)}`, pathToFileURL(resolve(page)).href], {
  stdio: ["ignore", "ignore", "pipe"],
});

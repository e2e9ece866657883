/** One configuration for every package; run through `node tools/test.mjs` (see there). */
const lane = process.env.NNUNET_TEST_LANE ?? "fast";
// Tests use onnxruntime directly too; its telemetry is off in every process that jest starts.
process.env.ORT_DISABLE_TELEMETRY = "1";
const special = ["slow", "device"];

export default {
  rootDir: import.meta.dirname ?? new URL(".", import.meta.url).pathname,
  testEnvironment: "<rootDir>/tools/testing/jest-environment.mjs",
  testEnvironmentOptions: { customExportConditions: ["@nnunet/source", "node", "node-addons"] },
  testMatch: [
    `<rootDir>/{packages/*/tests,examples,tools/tests}/**/*${special.includes(lane) ? `.${lane}` : ""}.test.ts`,
  ],
  testPathIgnorePatterns: [
    "/node_modules/",
    "/dist/",
    ...special.filter((other) => other !== lane).map((other) => `\\.${other}\\.test\\.ts$`),
  ],
  modulePathIgnorePatterns: ["<rootDir>/packages/.*/dist/"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "es6" }, sourceMaps: "inline" },
    ],
  },
  testTimeout: special.includes(lane) ? 1_200_000 : 60_000,
  maxWorkers: 2,
  workerIdleMemoryLimit: "1500MB",
};

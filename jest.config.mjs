/** One configuration for every package; run through `node tools/test.mjs` (see there). */
const slow = process.env.NNUNET_TEST_LANE === "slow";

export default {
  rootDir: import.meta.dirname ?? new URL(".", import.meta.url).pathname,
  testEnvironment: "<rootDir>/tools/testing/jest-environment.mjs",
  testEnvironmentOptions: { customExportConditions: ["@nnunet/source", "node", "node-addons"] },
  testMatch: slow
    ? ["<rootDir>/{packages/*/tests,examples}/**/*.slow.test.ts"]
    : ["<rootDir>/{packages/*/tests,examples}/**/*.test.ts"],
  testPathIgnorePatterns: [
    "/node_modules/",
    "/dist/",
    "\\.device\\.test\\.ts$",
    ...(slow ? [] : ["\\.slow\\.test\\.ts$"]),
  ],
  modulePathIgnorePatterns: ["<rootDir>/packages/.*/dist/"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "es6" }, sourceMaps: "inline" },
    ],
  },
  testTimeout: slow ? 1_200_000 : 60_000,
  maxWorkers: 2,
  workerIdleMemoryLimit: "1500MB",
};

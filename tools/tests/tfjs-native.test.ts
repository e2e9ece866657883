import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

/* What can be told without a TensorFlow: the device lane of packages/trainer tests what was built. */
const script = fileURLToPath(new URL("../tfjs-native/build.mjs", import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-tfjs-"));
  const files = {
    "project/node_modules/@tensorflow/tfjs-node/package.json": JSON.stringify({
      binary: { module_name: "tfjs_binding", module_path: "./lib/napi-v{napi_build_version}", napi_versions: [3, 8] },
    }),
    "project/node_modules/@tensorflow/tfjs-node/binding/tfjs_backend.cc": "not C++",
    "project/node_modules/@tensorflow/tfjs-node/binding/tfjs_binding.cc": "not C++",
    "empty/nothing": "",
    "headers/include/tensorflow/c/c_api.h": "",
    "whole/include/tensorflow/c/c_api.h": "",
    "whole/libtensorflow_cc.so.2": "",
    "whole/libtensorflow_framework.so.2": "",
    "node/node_api.h": "",
    "broken.whl": "no zip",
    "other.txt": "",
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each<[string, string[], number, RegExp]>([
  ["no TensorFlow", [], 3, /^error: --tensorflow is missing: a wheel, a \.tar\.gz or a folder$/],
  ["an unknown option", ["--tensorflw", "x"], 2, /^error: Unknown option '--tensorflw'/],
  ["a path to nothing", ["--tensorflow", "../gone"], 3, /gone: there is nothing$/],
  [
    "a file that is neither",
    ["--tensorflow", "../other.txt"],
    3,
    /other\.txt: expected a folder, a \.whl or a \.tar\.gz$/,
  ],
  ["a folder without headers", ["--tensorflow", "../empty"], 3, /empty: include\/tensorflow\/c\/c_api\.h is missing;/],
  ["headers without a library", ["--tensorflow", "../headers"], 3, /headers: libtensorflow_cc\.so\.2 .* are missing;/],
  ["a damaged wheel", ["--tensorflow", "../broken.whl"], 3, /^error: unzip (could not unpack|is not installed)/],
  [
    "no package",
    ["--tensorflow", "../whole", "--package", "../empty"],
    3,
    /empty: there is no tfjs-node; install it first/,
  ],
  [
    "no headers of Node",
    ["--tensorflow", "../whole", "--node-headers", "../empty"],
    3,
    /node_api\.h is not in \.\.\/empty;/,
  ],
  [
    "sources that do not compile",
    ["--tensorflow", "../whole", "--node-headers", "../node"],
    3,
    /could not build the binding|is not installed; set CXX/,
  ],
])(
  "tools/tfjs-native says in a sentence what is wrong with %s, and leaves nothing behind",
  (_, args, code, message) => {
    if (process.platform !== "linux") return console.warn("skipped: tools/tfjs-native is for Linux");
    const project = join(folder, "project");
    const before = readdirSync(project, { recursive: true }).filter((f) => /\.(node|tmp)|unpacking/.test(String(f)));
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: project, encoding: "utf8" });
    expect(stderr.trim()).toMatch(message);
    expect(status).toBe(code);
    expect(readdirSync(project, { recursive: true }).filter((f) => /\.(node|tmp)|unpacking/.test(String(f)))).toEqual(
      before,
    );
  },
);

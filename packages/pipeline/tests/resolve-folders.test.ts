import { expect, test } from "@jest/globals";
import { resolveFolders } from "@nnunet/pipeline";

test("what is given wins over the environment, this over the working directory", () => {
  const environment = { nnUNet_raw: "/env/raw", nnUNet_results: "/env/results" };
  expect(resolveFolders({ raw: "mine" }, environment, "/work")).toEqual({
    raw: "/work/mine",
    preprocessed: "/work/nnUNet_preprocessed",
    results: "/env/results",
  });
});

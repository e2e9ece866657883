import { expect, jest, test } from "@jest/globals";
import { foldersIn, writeTinyDataset } from "../../pipeline/tests/tiny-dataset.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

jest.setTimeout(120_000);

test("a variant is planned, and its options are told with it", () =>
  withScratch(async (scratch, roots) => {
    await writeTinyDataset(foldersIn(scratch).raw);
    await nnunet("fingerprint", "7", ...roots);
    const asked = [
      "--set",
      "norm=batch",
      "--optimiser",
      "sgd,momentum=0.9",
      "--loss",
      "topk10",
      "--base-features",
      "8",
    ];
    const { code, stdout } = await nnunet("plan", "7", "--variant", "bn", ...asked, ...roots);
    expect(code).toBe(0);
    expect(stdout).toContain(
      "variant bn: planned with ruleSet paper, norm batch; trained with optimiser sgd (momentum 0.9, weightDecay 0.00003, clipNorm 12), loss topk10, baseFeatures 8\n",
    );
    expect(stdout).toContain("Next: nnunet preprocess 7 --plans nnUNetPaperPlans_bn");

    const alone = await nnunet("preprocess", "7", ...roots);
    expect(alone.stderr).toContain(
      "there is no plan of the rule sets; choose a variant, nnUNetPaperPlans_bn, by --plans",
    );
    const other = await nnunet(
      "train",
      "7",
      "3d_fullres",
      "0",
      "--plans",
      "nnUNetPaperPlans_bn",
      "--loss",
      "dice",
      ...roots,
    );
    expect(other.code).toBe(2);
    expect(other.stderr).toContain(
      '--loss: expected "topk10", as the variant bn has it; leave --loss out, or plan another variant with it, got "dice"',
    );
    const nameless = await nnunet("plan", "7", "--loss", "dice", ...roots);
    expect(nameless.code).toBe(2);
    expect(nameless.stderr).toContain("--variant: expected a variant's name with --loss");
    const pathLike = await nnunet("plan", "7", "--variant", "../x", ...roots);
    expect(pathLike.code).toBe(2);
  }));

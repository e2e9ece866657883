/** A planner rule of one's own: every 3D configuration is trained with batch norms and a batch of at least four. */
import { defineConfig } from "@nnunet/pipeline";
import { defaultPlanner } from "@nnunet/planner";

export default defineConfig({
  planner: {
    name: "batch-norm-4",
    plan(fingerprint, dataset, options) {
      const plans = defaultPlanner.plan(fingerprint, dataset, { ...options, overrides: { norm: "batch" } });
      const configurations = Object.entries(plans.configurations).map(([name, configuration]) => [
        name,
        { ...configuration, batchSize: Math.max(4, configuration.batchSize) },
      ]);
      return { ...plans, plansName: "nnUNetBatchNormPlans", configurations: Object.fromEntries(configurations) };
    },
  },
});

/** An augmentation of one's own: stripes along x, as a detector with dead columns makes them. */
import { defineConfig } from "@nnunet/pipeline";

export default defineConfig({
  augmentation: {
    name: "stripes",
    augment({ data, shape: [, , nx] }, random) {
      if (!random.chance(0.2)) return;
      const every = random.integer(4, 16);
      for (let i = 0; i < data.length; i++) if ((i % nx) % every === 0) data[i] = 0;
    },
  },
});

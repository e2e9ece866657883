/** An architecture of one's own: two resolutions, whose skip is added instead of concatenated. */
import { defineConfig } from "@nnunet/pipeline";
import { GraphBuilder } from "@nnunet/unet-model";

export default defineConfig({
  network: {
    name: "added-skip",
    build(architecture, { inputChannels, outputChannels, patchSize }) {
      const b = new GraphBuilder(architecture);
      const [kernel, once, half] = [3, 1, 2].map((n) => patchSize.map(() => n));
      const features = architecture.featuresPerStage[0]!;
      const input = b.feature(inputChannels, patchSize);
      const fine = b.convNormRelu("fine", input, features, kernel!, once!);
      const coarse = b.convNormRelu("coarse", fine, 2 * features, kernel!, half!);
      const joined = b.add(fine, b.upConv("up", coarse, features, half!));
      const x = b.convNormRelu("joined", joined, features, kernel!, once!);
      return b.graph(input, [b.head("head", x, outputChannels)]);
    },
  },
});

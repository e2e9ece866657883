import { type Configuration, svgDocument, svgText } from "@nnunet/core";

/** What the drawing shows besides the configuration itself. */
export interface DrawingOptions {
  readonly title?: string;
  /** Channels of the input; the number of the configuration's normalisation schemes unless given. */
  readonly inputChannels?: number;
  /** Channels of the output: classes with background, or regions. */
  readonly outputChannels?: number;
}

const residualNote =
  "Boxes on the left are residual blocks of two convolutions; one more convolution precedes the first.";
const box = { width: 92, height: 44, gap: 10 };
const row = 116;
const margin = 24;
const top = 92;
const colours = { conv: "#dbe8f6", edge: "#2d5f94", skip: "#8a8a8a", up: "#b5651d", head: "#3d7d3d" };

/**
 * A drawing of a configuration's U-Net as SVG, like the paper's Figures C.1 and F.1: one box per convolution (or
 * residual block) with its stride, kernel and number of filters, the shape at each resolution, skip connections,
 * up-convolutions and segmentation outputs.
 *
 * @returns a whole SVG document; no fonts, scripts or files are needed to show it
 * @example writeFileSync("network.svg", drawNetwork(plans.configurations["3d_fullres"], { title: "3d_fullres" }));
 */
export function drawNetwork(configuration: Configuration, options: DrawingOptions = {}): string {
  const { architecture: net, patchSize } = configuration;
  const stages = net.strides.length;
  const widthOf = (blocks: number) => blocks * box.width + (blocks - 1) * box.gap;
  const leftWidth = Math.max(...net.convsPerStage.map(widthOf));
  const rightWidth = Math.max(widthOf(1), ...net.convsPerStageDecoder.map(widthOf));
  const right = margin + leftWidth + 150;
  const width = right + rightWidth + 190;
  const height = top + stages * row + 20;
  const shapes = shapesPerStage(patchSize, net.strides);
  const parts: string[] = [];
  const y = (stage: number) => top + stage * row;

  for (let stage = 0; stage < stages; stage++) {
    const kernel = net.kernelSizes[stage]!;
    const features = net.featuresPerStage[stage]!;
    const middle = y(stage) + box.height / 2;
    const left = margin + leftWidth - widthOf(net.convsPerStage[stage]!);
    parts.push(svgText(left, y(stage) - 8, `${shapes[stage]!.join(" × ")} voxels`));
    for (let i = 0; i < net.convsPerStage[stage]!; i++) {
      const stride = i === 0 ? net.strides[stage]! : kernel.map(() => 1);
      parts.push(block(left + i * (box.width + box.gap), y(stage), stride, kernel, features));
    }
    if (stage > 0) {
      const from = margin + leftWidth - box.width / 2;
      parts.push(arrow(from, y(stage - 1) + box.height, left + box.width / 2, y(stage) - 20, colours.edge));
    }
    if (stage === stages - 1) continue;
    parts.push(arrow(margin + leftWidth, middle, right, middle, colours.skip, true));
    const blocks = net.convsPerStageDecoder[stage]!;
    for (let i = 0; i < blocks; i++) {
      parts.push(
        block(
          right + i * (box.width + box.gap),
          y(stage),
          kernel.map(() => 1),
          kernel,
          features,
        ),
      );
    }
    const stride = net.strides[stage + 1]!;
    const below = net.convsPerStageDecoder[stage + 1];
    const fromX = below === undefined ? margin + leftWidth : right + widthOf(below) - box.width / 2;
    const fromY = below === undefined ? y(stage + 1) + box.height / 2 : y(stage + 1);
    parts.push(arrow(fromX, fromY, right + box.width / 2, y(stage) + box.height + 2, colours.up));
    parts.push(
      svgText(right + box.width / 2 + 8, y(stage) + box.height + 32, `up ${stride.join(", ")}`, { colour: colours.up }),
    );
    // deep supervision: all but the two lowest resolutions have an output (paper, Methods)
    if (stage < Math.max(1, stages - 2)) {
      const end = right + widthOf(blocks);
      parts.push(arrow(end, middle, end + 34, middle, colours.head));
      const classes = options.outputChannels === undefined ? "" : ` (${options.outputChannels})`;
      parts.push(
        svgText(end + 40, middle + 4, `${stage === 0 ? "segmentation" : "auxiliary"}${classes}`, {
          colour: colours.head,
        }),
      );
    }
  }
  const channels = options.inputChannels ?? configuration.normalizationSchemes.length;
  const title = options.title ?? configuration.dataIdentifier;
  const summary = `patch ${patchSize.join(" × ")} voxels of ${configuration.spacing.map((s) => Number(s.toPrecision(4))).join(" × ")} mm, ${channels} input channel${channels === 1 ? "" : "s"}, batch ${configuration.batchSize}`;
  return svgDocument(title, width, height, [
    `<defs>${[colours.edge, colours.skip, colours.up, colours.head].map(marker).join("")}</defs>`,
    svgText(margin, 26, title, { size: 16, bold: true }),
    svgText(margin, 46, summary),
    ...(net.kind === "residual" ? [svgText(margin, 62, residualNote)] : []),
    ...parts,
  ]);
}

/** [z, y, x] or [y, x] of the feature maps at each resolution. */
function shapesPerStage(patchSize: readonly number[], strides: readonly (readonly number[])[]): number[][] {
  const shapes: number[][] = [];
  let shape = [...patchSize];
  for (const stride of strides) {
    shape = shape.map((extent, axis) => Math.ceil(extent / stride[axis]!));
    shapes.push(shape);
  }
  return shapes;
}

function block(x: number, y: number, stride: readonly number[], kernel: readonly number[], features: number): string {
  const centre = x + box.width / 2;
  const middle = { anchor: "middle" } as const;
  return [
    `<rect x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="3" fill="${colours.conv}" stroke="${colours.edge}"/>`,
    svgText(centre, y + 13, `stride ${stride.join(",")}`, middle),
    svgText(centre, y + 26, `kernel ${kernel.join(",")}`, middle),
    svgText(centre, y + 39, `${features} filters`, middle),
  ].join("\n");
}

function arrow(x1: number, y1: number, x2: number, y2: number, colour: string, dashed = false): string {
  const dash = dashed ? ' stroke-dasharray="5 4"' : "";
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="1.5"${dash} marker-end="url(#${markerId(colour)})"/>`;
}

function marker(colour: string): string {
  return `<marker id="${markerId(colour)}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${colour}"/></marker>`;
}

function markerId(colour: string): string {
  return `arrow-${colour.slice(1)}`;
}

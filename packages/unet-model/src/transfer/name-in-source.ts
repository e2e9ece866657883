const ofDecoder = /^decoder\.(transpconvs|stages|seg_layers)\.(\d+)\./;

/**
 * What a weight is called in another U-Net. Encoders are numbered from the finest resolution, decoders from the coarsest, so
 * that the same resolution has another number where a network is deeper.
 *
 * @example nameInSource("decoder.stages.0.convs.0.conv.weight", ofThree, ofFour); // "decoder.stages.1.convs.0.conv.weight"
 */
export function nameInSource(name: string, own: readonly string[], source: readonly string[]): string {
  const stage = ofDecoder.exec(name);
  if (!stage) return name;
  const shift = decoderStages(source) - decoderStages(own);
  const [start, part, index] = stage;
  return `decoder.${part}.${Number(index) + shift}.${name.slice(start.length)}`;
}

function decoderStages(names: readonly string[]): number {
  const stages = names.flatMap((name) => {
    const [, part, index] = ofDecoder.exec(name) ?? [];
    return part === "transpconvs" ? [Number(index) + 1] : [];
  });
  return Math.max(0, ...stages);
}

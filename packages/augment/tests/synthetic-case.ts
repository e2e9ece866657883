import { createRandom, type PreprocessedCaseReader, type Shape3 } from "@nnunet/core";

/** A noisy case in memory with boxes of the given labels; the outermost voxels are −1 (outside the body). */
export function syntheticCase(
  id: string,
  size: Shape3,
  { channels = 1, labels = [1, 2] as readonly number[], rim = 1 } = {},
): PreprocessedCaseReader {
  const [nz, ny, nx] = size;
  const voxels = nz * ny * nx;
  const random = createRandom(7, id);
  const data = Float32Array.from({ length: channels * voxels }, () => random.uniform(-2, 2));
  const seg = new Int16Array(voxels);
  const locations: Record<string, number[]> = Object.fromEntries(labels.map((label) => [String(label), []]));
  for (let i = 0; i < voxels; i++) {
    const at = [Math.floor(i / (ny * nx)), Math.floor(i / nx) % ny, i % nx];
    const inside = at.every((p, axis) => size[axis] === 1 || (p >= rim && p < size[axis]! - rim));
    const block = at.every((p, axis) => p >= size[axis]! * 0.4 && p < size[axis]! * 0.7 + 1);
    seg[i] = !inside ? -1 : block && labels.length > 0 ? labels[at[2]! % labels.length]! : 0;
    locations[String(seg[i])]?.push(i);
    if (!inside) for (let c = 0; c < channels; c++) data[c * voxels + i] = 0;
  }
  return {
    id,
    shape: [channels, nz, ny, nx],
    classLocations: Object.fromEntries(Object.entries(locations).map(([k, v]) => [k, Int32Array.from(v)])),
    async readPatch(start, patch) {
      if (start.some((s, axis) => s < 0 || patch[axis]! < 1 || s + patch[axis]! > size[axis]!)) {
        throw new Error(`box ${start} + ${patch} is outside ${size}`);
      }
      const count = patch[0] * patch[1] * patch[2];
      const out = { data: new Float32Array(channels * count), seg: new Int16Array(count) };
      let to = 0;
      for (let z = 0; z < patch[0]; z++) {
        for (let y = 0; y < patch[1]; y++) {
          const from = ((z + start[0]) * ny + y + start[1]) * nx + start[2];
          out.seg.set(seg.subarray(from, from + patch[2]), to);
          for (let c = 0; c < channels; c++) {
            out.data.set(data.subarray(c * voxels + from, c * voxels + from + patch[2]), c * count + to);
          }
          to += patch[2];
        }
      }
      return out;
    },
  };
}

import type { Shape3, VolumeShape } from "@nnunet/core";
import { ScratchFile } from "@nnunet/core/node";
import type { ScoreWindow } from "@nnunet/preprocess";
import { addPrediction } from "./add-prediction.ts";
import { type Cell, cellGrid } from "./score-cells.ts";
import type { ScoreRows } from "./score-rows.ts";
import { linesOfStrip } from "./score-memory.ts";
import { defaultScratch } from "./scratch.ts";

/**
 * Scores in a {@link ScratchFile}, where memory has no room for all channels of the planes that must exist at a time. The
 * same numbers as in memory, added in the same order.
 *
 * Plane z lies at z modulo `planes`. A plane is cut into cells [channel, y, x] where patches begin and end: the scores
 * of a patch are then read and written in pieces of some 100 KB. In memory are one piece of one plane, and a strip of
 * lines of the planes that are just being decided.
 *
 * @param beside - a path; the file comes into its folder, and is gone when the process is
 * @param starts - first voxels of the patches along [z, y, x]
 * @throws {FileError} if the folder cannot be written, or the disk fills up meanwhile
 */
export function rowsOnDisk(
  beside = defaultScratch,
  shape: VolumeShape,
  planes: number,
  starts: readonly (readonly number[])[],
  patchSize: Shape3,
): ScoreRows {
  const [channels, depth, height, width] = shape;
  const planeLength = channels * height * width;
  const mostLines = linesOfStrip(shape);
  const { lines, largest } = cellGrid(shape, starts, patchSize, mostLines);
  const cells = lines.flat();
  const written = new Uint8Array(planes * cells.length);
  const file = new ScratchFile(beside);
  const piece = new Float32Array(largest);
  let begun = planes;

  const place = (z: number, cell: Cell) => (z % planes) * planeLength + cell.offset;
  const pieceOf = (cell: Cell) => piece.subarray(0, channels * area(cell));
  const read = (z: number, cell: Cell) => {
    const values = pieceOf(cell);
    if (written[(z % planes) * cells.length + cell.index] === 1) file.read(values, place(z, cell));
    else values.fill(0);
    return values;
  };

  let held = { z0: 0, z1: 0, y0: 0, y1: 0, values: new Float32Array(0) };
  let free = new Float32Array(0); // for the next strip: two buffers take turns
  return {
    shape,
    stripEnds: stripEnds(
      lines.map(([first]) => first!.y[1]),
      mostLines,
    ),
    begin(end) {
      for (; begun < Math.min(end, depth); begun++) {
        const first = (begun % planes) * cells.length;
        written.fill(0, first, first + cells.length);
      }
    },
    add(logits, offset, activation, placement) {
      const { start, patchSize: size } = placement;
      const touched = cells.filter(
        ({ y, x }) => start[1] < y[1] && start[1] + size[1] > y[0] && start[2] < x[1] && start[2] + size[2] > x[0],
      );
      let finite = true;
      for (let z = Math.max(0, start[0]); z < Math.min(depth, start[0] + size[0]); z++) {
        for (const cell of touched) {
          const values = read(z, cell);
          const origin: Shape3 = [start[0] - z, start[1] - cell.y[0], start[2] - cell.x[0]];
          const part: VolumeShape = [channels, 1, cell.y[1] - cell.y[0], cell.x[1] - cell.x[0]];
          finite = addPrediction(values, part, logits, offset, activation, { ...placement, start: origin }) && finite;
          file.write(values, place(z, cell));
          written[(z % planes) * cells.length + cell.index] = 1;
        }
      }
      return finite;
    },
    window(z0, z1, y0, y1): ScoreWindow {
      const needed = lines.filter(([first]) => first!.y[0] < y1 && first!.y[1] > y0);
      const end = needed.at(-1)![0]!.y[1];
      const count = z1 - z0;
      const planeStep = (end - y0) * width;
      const length = channels * count * planeStep;
      const values = free.length < length ? new Float32Array(length) : free;
      // Lines that the strip before has read already.
      const known = held.z0 === z0 && held.z1 === z1 && held.y0 <= y0 && held.y1 > y0 ? Math.min(held.y1, end) : y0;
      const heldStep = (held.y1 - held.y0) * width;
      for (let z = z0; z < z1; z++) {
        for (let c = 0; c < channels && known > y0; c++) {
          const from = (c * count + (z % count)) * heldStep + (y0 - held.y0) * width;
          values.set(held.values.subarray(from, from + (known - y0) * width), (c * count + (z % count)) * planeStep);
        }
        for (const cell of needed.flat()) {
          if (cell.y[1] <= known) continue;
          const columns = cell.x[1] - cell.x[0];
          const stored = read(z, cell);
          for (let c = 0; c < channels; c++) {
            for (let y = Math.max(known, cell.y[0]); y < cell.y[1]; y++) {
              const from = (c * (cell.y[1] - cell.y[0]) + y - cell.y[0]) * columns;
              const to = (c * count + (z % count)) * planeStep + (y - y0) * width + cell.x[0];
              values.set(stored.subarray(from, from + columns), to);
            }
          }
        }
      }
      free = held.values;
      held = { z0, z1, y0, y1: end, values };
      return { data: values, channelStep: count * planeStep, planeStep, planes: count, firstLine: y0 };
    },
    channel(channel) {
      const values = new Float32Array(depth * height * width);
      for (let z = 0; z < depth; z++) {
        for (const cell of cells) {
          const columns = cell.x[1] - cell.x[0];
          const part = piece.subarray(0, area(cell));
          file.read(part, place(z, cell) + channel * area(cell));
          for (let y = cell.y[0], from = 0; y < cell.y[1]; y++, from += columns) {
            values.set(part.subarray(from, from + columns), (z * height + y) * width + cell.x[0]);
          }
        }
      }
      return values;
    },
    async close() {
      file.close();
    },
  };
}

function area({ y, x }: Cell): number {
  return (y[1] - y[0]) * (x[1] - x[0]);
}

/** Ends of lines of cells, taken together to strips of about as many lines as a cell may have. */
function stripEnds(ends: readonly number[], mostLines: number): number[] {
  const strips: number[] = [];
  let first = 0;
  for (const [i, end] of ends.entries()) {
    const next = ends[i + 1];
    if (next !== undefined && next - first <= mostLines) continue;
    strips.push(end);
    first = end;
  }
  return strips;
}

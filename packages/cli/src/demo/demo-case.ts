import { axisAlignedGeometry, createRandom, createVolume, type Shape3, type Spacing, type Volume } from "@nnunet/core";

/** A synthetic image and its labels: 0 background, 1 ball, 2 rod. */
export interface DemoCase {
  readonly image: Volume<Float32Array>;
  readonly label: Volume<Int16Array>;
}

/** Edge of the imaged cube, mm. */
const FIELD_OF_VIEW = 60;

/**
 * One case of the demo: a ball and a rod in grey tissue, seen by a made-up scanner with thick slices. Position, size,
 * brightness, shading, noise and spacing differ from case to case. A bright shell of no label, as bright as the ball,
 * makes brightness alone a poor guide.
 *
 * @param seed - the same seed and index give the same case everywhere
 */
export function makeDemoCase(seed: number, index: number): DemoCase {
  const random = createRandom(seed, "demo case", index);
  const spacing: Spacing = [random.uniform(2.4, 3.2), random.uniform(1.2, 1.5), 0].map(
    (s, _, all) => s || all[1]!,
  ) as never;
  const shape = spacing.map((s) => Math.round(FIELD_OF_VIEW / s)) as unknown as Shape3;

  const point = (margin: number) => [0, 1, 2].map(() => random.uniform(margin, FIELD_OF_VIEW - margin));
  const ballRadius = random.uniform(8, 11);
  const ball = point(14);
  // The rod and the shell lie where they do not touch the ball.
  const apart = (from: readonly number[], distance: number, margin: number) => {
    for (;;) {
      const candidate = point(margin);
      if (Math.hypot(...candidate.map((c, i) => c - from[i]!)) > distance) return candidate;
    }
  };
  const rodRadius = random.uniform(4.5, 6);
  const rodHalf = random.uniform(9, 13);
  const rod = apart(ball, ballRadius + rodHalf + 3, 8);
  const direction = unit([random.normal(), random.normal(), random.normal()]);
  const shell = point(10);
  const shellRadius = random.uniform(5, 8);

  const ballLevel = random.uniform(0.9, 1.1);
  const rodLevel = random.uniform(-1, -0.8);
  const gain = random.uniform(80, 140);
  const shading = [0, 1, 2].map(() => random.uniform(-0.006, 0.006));
  const noise = random.uniform(0.2, 0.35);

  const image = new Float32Array(shape[0] * shape[1] * shape[2]);
  const label = new Int16Array(image.length);
  let i = 0;
  for (let z = 0; z < shape[0]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let x = 0; x < shape[2]; x++, i++) {
        const p = [(z + 0.5) * spacing[0], (y + 0.5) * spacing[1], (x + 0.5) * spacing[2]];
        const inBall = distance(p, ball) <= ballRadius;
        const inRod = distanceToSegment(p, rod, direction, rodHalf) <= rodRadius;
        const inShell = Math.abs(distance(p, shell) - shellRadius) <= 1.5;
        label[i] = inBall ? 1 : inRod ? 2 : 0;
        const level = inBall ? ballLevel : inRod ? rodLevel : inShell ? 1 : 0;
        const shade = shading.reduce((sum, s, axis) => sum + s * (p[axis]! - FIELD_OF_VIEW / 2), 0);
        image[i] = gain * (3 + level + shade + noise * random.normal());
      }
    }
  }
  const geometry = axisAlignedGeometry(spacing);
  return {
    image: createVolume(image, [1, ...shape], geometry),
    label: createVolume(label, [1, ...shape], geometry),
  };
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!);
}

function distanceToSegment(
  p: readonly number[],
  centre: readonly number[],
  along: readonly number[],
  half: number,
): number {
  const t = p.reduce((sum, value, axis) => sum + (value - centre[axis]!) * along[axis]!, 0);
  const clamped = Math.max(-half, Math.min(half, t));
  return distance(
    p,
    centre.map((c, axis) => c + clamped * along[axis]!),
  );
}

function unit(v: readonly number[]): number[] {
  const length = Math.hypot(...v);
  return v.map((value) => value / length);
}

/** Colours of the style sheet, which colour-blind people can tell apart; the shape changes after each round. */
const colours = 6;
const shapes = ["circle", "square", "triangle", "diamond2", "cross", "times"] as const;

export const seriesOf = (index: number) => `var(--series-${(index % colours) + 1})`;

export const shapeOf = (index: number) => shapes[(index + Math.floor(index / colours)) % shapes.length]!;

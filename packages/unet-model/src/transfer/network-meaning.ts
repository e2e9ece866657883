/** What the input channels and outputs of a network mean, where that is known. */
export interface NetworkMeaning {
  /** Names of the input channels, in order. */
  readonly channels?: readonly string[];
  /** How many of them, the first ones, are of images; the others are labels that the network before it found (cascade). */
  readonly imageChannels?: number;
  /** Names of classes with background, or of regions, in the order of the outputs. */
  readonly classes?: readonly string[];
  /** Regions: each output by itself, through a sigmoid. */
  readonly regions?: boolean;
}

export interface FuzzTarget {
  mutant(random: unknown): { name: string; bytes: Uint8Array }[];
  read(folder: string, name: string, bytes: Uint8Array): Promise<unknown>;
}
export function fuzzTargets(scratch: string): Promise<Record<string, FuzzTarget>>;
export function place(folder: string, files: readonly { name: string; bytes: Uint8Array }[]): string;

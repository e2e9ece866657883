/** Where a command puts the exit code that it ended with. */
export interface Ending {
  code: number;
}

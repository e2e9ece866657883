/** What the user can mend: printed as one sentence, exit code 3. */
export class Unusable extends Error {}

import { InvalidArgumentError } from "commander";

/* How values of the command line are read; commander puts the option in front of what is thrown. */

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value > 0)) throw new InvalidArgumentError("Expected a positive integer.");
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("Expected a positive number.");
  return value;
}

export function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError("Expected 0 or a positive number.");
  }
  return value;
}

const unitsInGb = { "": 1, g: 1, gb: 1, gib: 2 ** 30 / 1e9, m: 1e-3, mb: 1e-3, mib: 2 ** 20 / 1e9 };

/** An amount of memory in GB (10⁹ bytes): "2", "1.5GB", "800 MB", "2GiB". */
export function gigabytes(text: string): number {
  const amount = text.trim();
  const unit = /(?:[gm]i?b?)?$/i.exec(amount)?.[0] ?? "";
  const digits = amount.slice(0, amount.length - unit.length);
  const value = Number(digits) * (unitsInGb[unit.toLowerCase() as keyof typeof unitsInGb] ?? Number.NaN);
  if (!(value > 0 && Number.isFinite(value)))
    throw new InvalidArgumentError("Expected an amount such as 4, 1.5GB or 800MB.");
  return value;
}

/** The stride of the sliding window as a fraction of the patch. */
export function stepFraction(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("Expected a number in (0, 1].");
  return value;
}

export function fold(text: string): number | "all" {
  if (text === "all") return "all";
  const value = Number(text);
  if (text.trim() === "" || !(Number.isSafeInteger(value) && value >= 0)) {
    throw new InvalidArgumentError('Expected 0, 1, 2, … or "all".');
  }
  return value;
}

/** `-f 0 1 2`: each value parsed, collected in a list. */
export function foldList(text: string, before: readonly (number | "all")[] = []): (number | "all")[] {
  return [...before, fold(text)];
}

/** "90m", "2h", "1h30m", "45s", "1 h 30 min": seconds. */
export function duration(text: string): number {
  const parts = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?$/.exec(
    text.replace(/\s+/g, "").toLowerCase(),
  );
  const [hours = 0, minutes = 0, seconds = 0] = (parts ?? []).slice(1).map((part) => Number(part ?? 0));
  const total = hours * 3600 + minutes * 60 + seconds;
  if (!(total > 0)) throw new InvalidArgumentError("Expected a time such as 90m, 2h or 1h30m.");
  return total;
}

import { InvalidArgumentError } from 'commander';

/** Reads an option that is a whole number of at least 1. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('Expected a whole number of at least 1.');
  }
  return value;
}

/** Reads an option that is a share between 0 and a limit, such as `0.4`. */
export function shareUpTo(limit: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= 0 && value <= limit)) {
      throw new InvalidArgumentError(`Expected a number between 0 and ${limit}.`);
    }
    return value;
  };
}

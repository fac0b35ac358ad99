/** Parsers of options. Each refuses invalid values and names the expected value. */
import { InvalidArgumentError } from 'commander';
import { COLORMAPS, type Colormap } from '../../image/colormap.js';
import { MOST_PIXELS } from '../../image/decode.js';
import { PREPROCESSINGS, type Preprocessing } from '../../image/preprocess.js';
import { type Bounds, boundsText, isWithin } from '../../methods/bounds.js';
import { nearNames } from '../../support/arguments.js';

/** Parses a whole number within bounds. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < least || value > most) {
      const bounds = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
      throw new InvalidArgumentError(`Expected a whole number ${bounds}.`);
    }
    return value;
  };
}

/** Parses a finite number within bounds. */
export function number(bounds: Bounds): (text: string) => number {
  return (text) => {
    const value = numberOf(text);
    if (!isWithin(value, bounds)) throw new InvalidArgumentError(`Expected a number${boundsText(bounds)}.`);
    return value;
  };
}

/** Parses a number from 0 to 1. */
export const fraction = number({ least: 0, most: 1 });

/** Parses comma-separated numbers within bounds. An empty text is an empty list. `example` is a valid text. */
export function numberList(bounds: Bounds, example: string): (text: string) => number[] {
  return (text) => {
    if (text.trim() === '') return [];
    const values = text.split(',').map(numberOf);
    if (values.every((value) => isWithin(value, bounds))) return values;
    throw new InvalidArgumentError(
      `Expected numbers${boundsText(bounds)} with commas between them, as '${example}'.`,
    );
  };
}

const numberOf = (text: string) => (text.trim() === '' ? Number.NaN : Number(text));

/** Parses `ReadFile,WriteFile`: names without repetition. */
export function nameList(text: string): string[] {
  const names = text.split(',').map((part) => part.trim());
  if (names.includes('')) {
    throw new InvalidArgumentError("Expected names with commas between them, as 'ReadFile,WriteFile'.");
  }
  return [...new Set(names)];
}

/** Parses `1,2,3`: unit indices without repetition. */
export function unitList(text: string): number[] {
  const units = text.split(',').map((part) => part.trim());
  if (!units.every((unit) => /^\d+$/.test(unit))) {
    throw new InvalidArgumentError("Expected unit indices with commas between them, as '1,2'.");
  }
  return [...new Set(units.map(Number))];
}

/**
 * Parses `224` or `224x320` (height by width). The number of pixels is limited like that of a picture. TensorFlow's
 * kernels count elements in 32 bits, and far larger layers have crashed the process.
 */
export function imageSize(text: string): [number, number] {
  const match = /^(\d+)(?:x(\d+))?$/.exec(text);
  const height = Number(match?.[1]);
  const width = Number(match?.[2] ?? height);
  if (!(height > 0 && width > 0))
    throw new InvalidArgumentError("Expected '224' or '224x320' (height by width).");
  if (height * width > MOST_PIXELS) {
    throw new InvalidArgumentError(`Expected at most ${MOST_PIXELS} pixels, as 8192x8192.`);
  }
  return [height, width];
}

/** Refuses a file name whose ending is not `.png`, because the content would not match the name. */
export function pngFile(text: string): string {
  if (!/\.png$/i.test(text)) throw new InvalidArgumentError('Expected the name of a .png file.');
  return text;
}

/** Refuses every value except `names`, with the nearest name as a hint. */
export function oneOf<Name extends string>(names: readonly Name[]): (text: string) => Name {
  return (text) => {
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    const [near] = nearNames(text, names, 1);
    const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
    throw new InvalidArgumentError(`Expected one of: ${names.join(', ')}.${hint}`);
  };
}

export const colormap = oneOf<Colormap>(COLORMAPS);
export const preprocessing = oneOf<Preprocessing>(PREPROCESSINGS);

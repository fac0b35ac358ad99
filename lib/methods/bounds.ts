/** Limits of a number, or of each number of a list. */
export interface Bounds {
  readonly least?: number;
  readonly most?: number;
  /** The value must be larger than this. */
  readonly above?: number;
}

/** Describes bounds for a message: ' from 0 to 1', ' of at least 1', ' above 0', or an empty text. */
export function boundsText({ least, most, above }: Bounds): string {
  if (above !== undefined) return ` above ${above}${most === undefined ? '' : ` and at most ${most}`}`;
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (least !== undefined) return ` of at least ${least}`;
  return most === undefined ? '' : ` of at most ${most}`;
}

/** Returns whether `value` is a finite number within the bounds. */
export function isWithin(
  value: number,
  { least = -Infinity, most = Infinity, above = -Infinity }: Bounds,
): boolean {
  return Number.isFinite(value) && value >= least && value <= most && value > above;
}

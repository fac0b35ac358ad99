/** Numbers of images (h, w, c), in plain loops. */

export interface Size {
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

const INDEX = ({ w, c }: Size, i: number, j: number, k: number) => (i * w + j) * c + k;

/** An image by what each place of it is. */
export function build(size: Size, at: (i: number, j: number, k: number) => number): Float64Array {
  const values = new Float64Array(size.h * size.w * size.c);
  for (let i = 0; i < size.h; i++) {
    for (let j = 0; j < size.w; j++) {
      for (let k = 0; k < size.c; k++) values[INDEX(size, i, j, k)] = at(i, j, k);
    }
  }
  return values;
}

export const read = (values: ArrayLike<number>, size: Size, i: number, j: number, k: number) =>
  values[INDEX(size, i, j, k)] as number;

/** Σ over positions of one channel. */
export function overPositions(
  values: ArrayLike<number>,
  size: Size,
  k: number,
  f = (x: number) => x,
): number {
  let sum = 0;
  for (let i = 0; i < size.h; i++) for (let j = 0; j < size.w; j++) sum += f(read(values, size, i, j, k));
  return sum;
}

/** A map (h, w) that is the mean over channels. */
export function meanOfChannels(values: ArrayLike<number>, size: Size): Float64Array {
  return build({ ...size, c: 1 }, (i, j) => {
    let sum = 0;
    for (let k = 0; k < size.c; k++) sum += read(values, size, i, j, k);
    return sum / size.c;
  });
}

/** The least and the largest value of each channel. */
function endsOf(values: ArrayLike<number>, size: Size): (readonly [number, number])[] {
  return Array.from({ length: size.c }, (_, k) => {
    const all: number[] = [];
    overPositions(values, size, k, (x) => all.push(x));
    return [Math.min(...all), Math.max(...all)] as const;
  });
}

/** Is a channel almost constant: would what rounding left of it be stretched to [0, 1]? */
export const isFlat = (values: ArrayLike<number>, size: Size): boolean =>
  endsOf(values, size).some(
    ([low, high]) => high > low && high - low < 1e-5 * Math.max(Math.abs(low), Math.abs(high)),
  );

/** Each channel stretched to [0, 1]; a constant one becomes 0. */
export function stretched(values: ArrayLike<number>, size: Size): Float64Array {
  const ends = endsOf(values, size);
  return build(size, (i, j, k) => {
    const [low, high] = ends[k] as readonly [number, number];
    return high === low ? 0 : (read(values, size, i, j, k) - low) / (high - low);
  });
}

export const mirrored = (values: ArrayLike<number>, size: Size): Float64Array =>
  build(size, (i, j, k) => read(values, size, i, size.w - 1 - j, k));

/** Bilinear, sampled at pixel centres, clamped at the edges. */
export function resized(values: ArrayLike<number>, size: Size, h: number, w: number): Float64Array {
  const near = (at: number, from: number, to: number) => {
    const place = ((at + 0.5) * from) / to - 0.5;
    const below = Math.floor(place);
    return [Math.max(below, 0), Math.min(below + 1, from - 1), place - below] as const;
  };
  return build({ h, w, c: size.c }, (i, j, k) => {
    const [top, bottom, down] = near(i, size.h, h);
    const [left, right, along] = near(j, size.w, w);
    const row = (r: number) =>
      read(values, size, r, left, k) * (1 - along) + read(values, size, r, right, k) * along;
    return row(top) * (1 - down) + row(bottom) * down;
  });
}

export const plus = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Float64Array.from(a, (x, i) => x + (b[i] as number));
export const times = (a: ArrayLike<number>, factor: number) => Float64Array.from(a, (x) => x * factor);

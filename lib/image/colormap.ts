import { outOfRange } from '../support/arguments.js';
import { TABLES } from './colormap_tables.js';

/** The number of colours of a table: one per level of an 8-bit map. */
export const COLORMAP_LEVELS = 256;

/**
 * The name of a colour map in matplotlib. The lightness of `viridis`, `inferno`, `magma`, `plasma` and `cividis` grows
 * evenly. `turbo` is the successor of `jet`. `grey` and `gray` are the same map.
 */
export type Colormap = keyof typeof TABLES | 'jet' | 'grey' | 'gray';

export const COLORMAPS: readonly Colormap[] = [
  ...(Object.keys(TABLES) as (keyof typeof TABLES)[]),
  'jet',
  'grey',
  'gray',
];

/** Refuses every value except the name of a colour map. Returns the name. */
export function checkColormap(name: string, value: unknown): Colormap {
  const found = COLORMAPS.find((each) => each === value);
  if (found === undefined) throw outOfRange(name, `one of ${COLORMAPS.join(', ')}`, value);
  return found;
}

/**
 * Returns the colours of 256 even steps from 0 to 1: 768 bytes of RGB, row-major (256, 3). Each colour is the 8-bit
 * colour nearest to matplotlib's. Matplotlib truncates when it paints, so its pixels may be one level darker.
 */
export function colormapTable(name: Colormap): Uint8Array {
  switch (checkColormap('name', name)) {
    case 'jet':
      return computed(jet);
    case 'grey':
    case 'gray':
      return computed((x) => [x, x, x]);
    default:
      return Uint8Array.from(Buffer.from(TABLES[name as keyof typeof TABLES], 'base64'));
  }
}

function computed(colour: (x: number) => readonly number[]): Uint8Array {
  const levels = Array.from({ length: COLORMAP_LEVELS }, (_, i) => colour(i / (COLORMAP_LEVELS - 1)));
  return Uint8Array.from(levels.flat(), (share) => Math.round(share * 255));
}

/** The definition of jet: each channel is linear between these points `[x, share]`. */
const JET: readonly (readonly (readonly [x: number, share: number])[])[] = [
  // biome-ignore format: a channel a line
  [[0, 0], [0.35, 0], [0.66, 1], [0.89, 1], [1, 0.5]],
  // biome-ignore format: a channel a line
  [[0, 0], [0.125, 0], [0.375, 1], [0.64, 1], [0.91, 0], [1, 0]],
  // biome-ignore format: a channel a line
  [[0, 0.5], [0.11, 1], [0.34, 1], [0.65, 0], [1, 0]],
];

function jet(x: number): number[] {
  return JET.map((points) => {
    const next = Math.max(
      1,
      points.findIndex(([to]) => x <= to),
    );
    const [[from, low], [to, high]] = points.slice(next - 1, next + 1) as [
      [number, number],
      [number, number],
    ];
    return low + ((high - low) * (x - from)) / (to - from);
  });
}

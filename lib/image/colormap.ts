import { rgb } from 'd3-color';
import {
  interpolateCividis,
  interpolateInferno,
  interpolateMagma,
  interpolatePlasma,
  interpolateTurbo,
  interpolateViridis,
} from 'd3-scale-chromatic';

const INTERPOLATORS = {
  turbo: interpolateTurbo,
  viridis: interpolateViridis,
  inferno: interpolateInferno,
  magma: interpolateMagma,
  plasma: interpolatePlasma,
  cividis: interpolateCividis,
} as const;

/** A colour map by its name. `turbo` is the successor of jet; the others grow evenly in lightness. */
export type Colormap = keyof typeof INTERPOLATORS;

export const COLORMAPS = Object.keys(INTERPOLATORS) as readonly Colormap[];

/** How many colours a table holds: one per level of an 8-bit map. */
export const COLORMAP_LEVELS = 256;

/** RGB of 256 even steps from 0 to 1: 768 bytes, row-major (256, 3). The colours are d3-scale-chromatic's. */
export function colormapTable(name: Colormap): Uint8Array {
  const table = new Uint8Array(COLORMAP_LEVELS * 3);
  for (let level = 0; level < COLORMAP_LEVELS; level++) {
    const { r, g, b } = rgb(INTERPOLATORS[name](level / (COLORMAP_LEVELS - 1)));
    table.set([r, g, b], level * 3);
  }
  return table;
}

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { COLORMAPS, type Colormap, colormapTable } from '../../../lib/image/colormap.js';

const FIXTURE = new URL('../../fixtures/colormaps/matplotlib.json', import.meta.url);
const { maps } = JSON.parse(readFileSync(FIXTURE, 'utf8')) as { maps: Record<string, string> };

/** Matplotlib's colours at 16 bits, as levels of 255. */
function matplotlib(name: string): Float64Array {
  const bytes = Buffer.from(maps[name] as string, 'base64');
  return Float64Array.from({ length: bytes.length / 2 }, (_, i) => (bytes.readUInt16LE(2 * i) * 255) / 65535);
}

describe('colour maps', () => {
  test.each(Object.keys(maps))('%s is the 8-bit colour nearest to matplotlib', (name) => {
    const table = colormapTable(name as Colormap);
    const expected = matplotlib(name);
    expect(table).toHaveLength(expected.length);
    // Half a level, exactly so at some; and half a step of the fixture's 16 bits.
    const most = 0.502;
    expect(
      table.reduce((most, level, i) => Math.max(most, Math.abs(level - (expected[i] as number))), 0),
    ).toBeLessThanOrEqual(most);
  });

  test('every map has a table of 256 colours, those that the issue names among them', () => {
    for (const name of COLORMAPS) expect(colormapTable(name)).toHaveLength(768);
    expect(COLORMAPS).toEqual(expect.arrayContaining(['viridis', 'jet', 'inferno', 'turbo', 'grey', 'gray']));
    expect(colormapTable('gray')).toEqual(colormapTable('grey'));
  });

  test('a table is the caller’s own', () => {
    colormapTable('viridis').fill(0);
    expect([...colormapTable('viridis').subarray(0, 3)]).toEqual([0x44, 0x01, 0x54]);
  });

  test('refuses other names with the list of those there are', () => {
    expect(() => colormapTable('rainbow' as Colormap)).toThrow(/one of turbo, viridis.*grey.*"rainbow"/);
    expect(() => colormapTable('__proto__' as Colormap)).toThrow(RangeError);
  });
});

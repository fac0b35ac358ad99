import { expect, it } from 'vitest';
import { cell, table, withTable } from '../../../scripts/test-layers.mjs';

const of = (name, options, outcomes) => ({ class: name, options, outcomes });
const FINE = { loads: 'ok', predicts: 'ok', differentiates: 'none' };

it('a cell says yes, or each problem with its options', () => {
  expect(cell([])).toBe('');
  expect(cell([of('Dense', '', FINE)])).toBe('yes');
  const refused = { loads: 'refused: a | b' };
  expect(cell([of('Dense', '', FINE), of('Dense', 'units=2', refused)])).toBe(
    'units=2: loads: refused: a \\| b',
  );
  expect(cell([of('Dense', '', refused)])).toBe('loads: refused: a \\| b');
});

it('a table has a row for each class, with the runs of all kernels together', () => {
  const outcomes = {
    keras2: [of('Dense', '', FINE), of('Dense', '', { ...FINE, predicts: 'wrong: off' })],
    keras3: [of('Add', '', FINE)],
  };
  expect(table(outcomes).slice(2)).toEqual([
    '| `Add` | 1 |  | yes |  |  |',
    '| `Dense` | 1 | predicts: wrong: off |  |  |  |',
  ]);
});

it('a table has a column for each format of Keras, with the files of both versions', () => {
  const outcomes = {
    keras2: [of('Dense', 'units=2', { ...FINE, keras: 'ok', h5: 'refused: no' })],
    keras3: [of('Dense', 'units=2', { ...FINE, keras: 'ok', h5: 'ok' })],
  };
  expect(table(outcomes).slice(2)).toEqual([
    '| `Dense` | 1 | yes | yes | yes | units=2 (Keras 2.12): h5: refused: no |',
  ]);
});

it('a table replaces the one between the markers, and needs the markers', () => {
  const page = 'a\n<!-- layers: table -->\nold\n<!-- /layers -->\nb\n';
  expect(withTable(page, ['| x |'])).toBe('a\n<!-- layers: table -->\n\n| x |\n\n<!-- /layers -->\nb\n');
  expect(() => withTable('a', [])).toThrow('no markers');
});

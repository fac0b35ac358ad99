import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { filterLayers } from '../../../lib/cli/layers/command.js';
import type { LayerFacts, ModelFacts } from '../../../lib/cli/layers/facts.js';
import { fitWidths, layersTable, summaryLines } from '../../../lib/cli/layers/table.js';
import { paint } from '../../../lib/cli/shared/terminal.js';
import { memoryTerminal } from './support.js';

const layer = (name: string, type: string, more: Partial<LayerFacts> = {}): LayerFacts => ({
  name,
  path: [name],
  type,
  outputs: [{ name: `${name}:0`, dtype: 'float32', shape: [null, 4, 4, 8] }],
  parameters: 0,
  nested: false,
  calls: 1,
  connectedTo: [],
  marks: [],
  ...more,
});

const LAYERS = [
  layer('image', 'InputLayer'),
  layer('body', 'Functional', { parameters: 1224, nested: true, connectedTo: ['image'] }),
  layer('conv', 'Conv2D', { path: ['body', 'conv'], parameters: 1224, calls: 2, marks: ['activations'] }),
  layer('both', 'Add', { connectedTo: ['body', 'image'] }),
];

describe('the table', () => {
  test("has the form of Keras's, as wide as what it holds where nobody looks at its width", () => {
    expect(layersTable(memoryTerminal().out, LAYERS).split('\n')).toEqual([
      '┏━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━━━━━┓',
      '│ Layer (type)       │ Output Shape    │ Param # │ Connected to │ Exposed     │',
      '┡━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━━━━━┩',
      '│ image (InputLayer) │ (None, 4, 4, 8) │       0 │ -            │             │',
      '│ body (Functional)  │ (None, 4, 4, 8) │   1,224 │ image        │             │',
      '│ └ conv (Conv2D) ×2 │ (None, 4, 4, 8) │   1,224 │ -            │ activations │',
      '│ both (Add)         │ (None, 4, 4, 8) │       0 │ body, image  │             │',
      '└────────────────────┴─────────────────┴─────────┴──────────────┴─────────────┘',
    ]);
  });

  test.each([72, 75, 78, 200])('keeps within a terminal of %d columns, and loses nothing', (columns) => {
    const table = stripVTControlCharacters(layersTable(memoryTerminal(columns).out, LAYERS));
    for (const line of table.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
    expect(table.split('\n')[1]).toMatch(/Layer \(type\).*Output Shape.*Param #.*Connected to/);
    const letters = (text: string) => [...text.replace(/[^A-Za-z0-9,×]/g, '')].sort().join('');
    expect(letters(table)).toBe(letters(layersTable(memoryTerminal().out, LAYERS)));
  });

  test('has no column for marks if there are none, and colours on a terminal', () => {
    const plain = layersTable(memoryTerminal().out, LAYERS.slice(0, 2));
    expect(plain).not.toContain('Exposed');
    const { out } = memoryTerminal(100);
    const coloured = layersTable(out, LAYERS);
    expect(coloured).toContain(paint(out, 'green', ' activations '));
    expect(coloured).toContain(paint(out, 'bold', ' Param # '));
    expect(coloured.split('\u001b')).toHaveLength(1 + 2 * 5 + 2);
  });

  test('takes from the widest columns, and not more than leaves the heads whole', () => {
    expect(fitWidths([40, 20, 12, 12], 200)).toEqual([42, 22, 14, 14]);
    expect(fitWidths([40, 20, 12, 12], 87)).toEqual([32, 22, 14, 14]);
    expect(fitWidths([40, 20, 12, 12], 10)).toEqual([14, 14, 14, 14]);
  });
});

describe('below the table', () => {
  const facts: ModelFacts = {
    inputs: [],
    outputs: [],
    layers: LAYERS,
    parameters: 1_234_567,
    bytes: 4_938_268,
    exposed: {
      logits: { name: 'l:0', dtype: 'float32', shape: [null, 3] },
      activations: { name: 'a:0', dtype: 'float32', shape: null },
    },
  };

  test('are the totals and the layers that are exposed by default', () => {
    expect(summaryLines(facts, 4)).toEqual([
      'Total params: 1,234,567 (4.9 MB) in 4 layers',
      'Exposed by default: l:0 (None, 3), explained by a:0 an unknown shape',
    ]);
    expect(summaryLines(facts, 1)[0]).toBe('Total params: 1,234,567 (4.9 MB) in 4 layers, 1 of them shown');
  });

  test('stands why nothing is', () => {
    const [, refused] = summaryLines({ ...facts, exposed: { refused: 'No kernel.' } }, 4);
    expect(refused).toBe('By default nothing is exposed: No kernel.');
  });
});

describe('a filter', () => {
  const names = (filter: string) => filterLayers(LAYERS, filter).map(({ name }) => name);

  test('looks into paths and types, in any case', () => {
    expect(names('CONV')).toEqual(['conv']);
    expect(names('body/')).toEqual(['conv']);
    expect(names('body')).toEqual(['body', 'conv']);
    expect(names('layer')).toEqual(['image']);
  });

  test('that finds nothing is refused with similar names', () => {
    expect(() => names('covn')).toThrow("--filter: none of the 4 layers has 'covn' in its path or type.");
    expect(() => names('covn')).toThrow("Did you mean 'conv'");
  });
});

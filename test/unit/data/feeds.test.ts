import { describe, expect, it } from 'vitest';
import {
  checkAllFed,
  feedRows,
  feedTensors,
  tensorsPerSample,
  withTensorsPerSample,
} from '../../../lib/data/feeds.js';
import { tensor } from '../../../lib/tensor/tensor.js';

const SPECS = {
  masks: { dtype: 'float32', shape: [null, 2] },
  scale: { whole: true },
  kept: { dtype: 'bool' },
} as const;
const masks = tensor([
  [1, 2],
  [3, 4],
  [5, 6],
]);
const scale = tensor([7, 8]);
const kept = tensor(Uint8Array.of(1, 0, 1), [3], 'bool');

describe('feeds', () => {
  it('follow the order of their declarations and know which are whole', () => {
    const feeds = feedTensors({ kept, scale, masks }, SPECS, 3);
    expect(Object.entries(feeds).map(([name, { whole }]) => [name, whole])).toEqual([
      ['masks', false],
      ['scale', true],
      ['kept', false],
    ]);
    expect(tensorsPerSample(feeds)).toEqual([masks, kept]);
    expect(feeds.scale?.tensor).toBe(scale);
  });

  it('are cut by rows unless they are whole', () => {
    const feeds = feedRows(feedTensors({ masks, scale, kept }, SPECS, 3), 1, 3);
    expect([...(feeds.masks?.tensor.data ?? [])]).toEqual([3, 4, 5, 6]);
    expect([...(feeds.kept?.tensor.data ?? [])]).toEqual([0, 1]);
    expect(feeds.scale?.tensor).toBe(scale);
  });

  it('can have the tensors per sample replaced', () => {
    const others = [tensor([[1, 1]]), tensor(Uint8Array.of(1), [1], 'bool')];
    const feeds = withTensorsPerSample(feedTensors({ masks, scale, kept }, SPECS, 3), others);
    expect([feeds.masks?.tensor, feeds.kept?.tensor]).toEqual(others);
    expect(feeds.scale?.tensor).toBe(scale);
  });

  it.each<[string, unknown, string]>([
    ['truths for numbers', { masks: tensor(new Uint8Array(6), [3, 2], 'bool') }, 'values of dtype float32'],
    ['numbers for truths', { kept: tensor([1, 0, 1]) }, 'values of dtype bool for argument `feeds.kept`'],
    [
      'rows that are not the samples',
      { kept: tensor(new Uint8Array(2), [2], 'bool') },
      '3 rows, one per sample',
    ],
    [
      'a size that is declared otherwise',
      { masks: tensor([[1], [2], [3]]) },
      'shape (null, 2), samples first,',
    ],
    ['a stranger', { sale: scale }, 'Did you mean "scale"?'],
  ])('refuses %s', (_, values, message) => {
    expect(() => feedTensors(values, SPECS, 3)).toThrow(message);
  });

  it('are refused by name if one is missing', () => {
    const feeds = feedTensors({ masks, kept: undefined }, SPECS, 3);
    expect(() => checkAllFed(feeds, SPECS, ' of step 4')).toThrow(
      '`feeds` of step 4 but received none for "scale"',
    );
  });
});

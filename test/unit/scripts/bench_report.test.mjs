import { describe, expect, test } from 'vitest';
import { listing, page, summary, table } from '../../../bench/report.mjs';

test('a listing has the titles below each other, whatever the names', () => {
  const rows = [
    { name: 'a-name-that-is-longer-than-others', title: 'one' },
    { name: 'short', title: 'another' },
  ];
  expect(listing(rows)).toBe(
    ['a-name-that-is-longer-than-others  one', 'short                              another'].join('\n'),
  );
});

describe('summary', () => {
  test('is the best, by what is better, and the median', () => {
    expect(summary([3, 1, 10], 'lower')).toEqual({ best: 1, median: 3 });
    expect(summary([3, 1, 10], 'higher')).toEqual({ best: 10, median: 3 });
    expect(summary([4, 2], 'lower')).toEqual({ best: 2, median: 3 });
  });
});

describe('table', () => {
  const results = [
    {
      name: 'row',
      title: 'a row',
      metrics: { calls: { unit: '1/s', better: 'higher' }, errors: { unit: '', better: 'lower' } },
      measured: [
        { calls: 1234.5, errors: 0 },
        { calls: 0.012345, errors: 0 },
      ],
    },
  ];

  test('has a line per figure, of three digits', () => {
    expect(table(results).split('\n').slice(2)).toEqual([
      '| a row | calls, 1/s | 1235 | 617 |  |',
      '|  | errors | 0 | 0 |  |',
    ]);
  });

  test('has ratios of the bests and of the medians, and tells whether they are as wanted', () => {
    const lines = (target, better = 'higher') => {
      const rate = { unit: '', better: 'higher' };
      const metrics = {
        here: rate,
        there: rate,
        ratio: { ratio: ['here', 'there'], unit: 'x', better, target },
      };
      const measured = [
        { here: 10, there: 4 },
        { here: 30, there: 5 },
        { here: 20, there: 5 },
      ];
      return table([{ title: 'a row', metrics, measured }])
        .split('\n')
        .at(-1);
    };
    expect(lines({ atLeast: 4 })).toBe('|  | ratio, x | 6.00 | 4.00 | at least 4: met |');
    expect(lines({ atLeast: 5 })).toBe('|  | ratio, x | 6.00 | 4.00 | at least 5: met by the best |');
    expect(lines({ atLeast: 7 })).toBe('|  | ratio, x | 6.00 | 4.00 | at least 7: missed |');
    expect(lines({ atMost: 4 })).toBe('|  | ratio, x | 6.00 | 4.00 | at most 4: met |');
    expect(lines({ atMost: 3 })).toBe('|  | ratio, x | 6.00 | 4.00 | at most 3: missed |');
  });

  test('is on a page that names the machine and what was left out', () => {
    const machine = {
      cpu: 'CPU',
      cores: 2,
      memory: '4 GiB',
      node: '20',
      tensorflow: '2',
      system: 'OS',
      flags: [],
    };
    const left = [{ title: 'another', missing: 'there is no Python\nTo get it: ...' }];
    expect(page({ machine, date: '2026-01-02T03:04:05Z', rounds: 5, results, left })).toMatch(
      /2026-01-02(.|\n)*\n\nSkipped: another: there is no Python\.\n\nThe machine: CPU, 2 cores/,
    );
  });
});

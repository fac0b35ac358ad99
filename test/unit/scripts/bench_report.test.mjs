import { describe, expect, test } from 'vitest';
import { page, summary, table } from '../../../bench/report.mjs';

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
      '| a row | calls, 1/s | 1235 | 617 |',
      '|  | errors | 0 | 0 |',
    ]);
  });

  test('is on a page that names the machine', () => {
    const machine = {
      cpu: 'CPU',
      cores: 2,
      memory: '4 GiB',
      node: '20',
      tensorflow: '2',
      system: 'OS',
      flags: [],
    };
    expect(page({ machine, date: '2026-01-02T03:04:05Z', rounds: 5, results })).toMatch(
      /2026-01-02(.|\n)*CPU, 2 cores/,
    );
  });
});

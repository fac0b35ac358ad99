import { expect, it } from 'vitest';
import { byRoom, table } from '../../../scripts/setup/rooms_covered.mjs';

const files = [
  { file: 'native/gradient/tape.cc', covered: 9, total: 10 },
  { file: 'native/gradient/rule.cc', covered: 0, total: 5 },
  { file: 'native/wire/proto.h', covered: 3, total: 3 },
  { file: 'test/native/main.cc', covered: 7, total: 7 },
  { file: 'lib/index.ts', covered: 0, total: 0 },
  { file: 'lib/load_model.ts', covered: 1, total: 2 },
];

it('adds up the lines of each room, and of one half only', () => {
  expect(byRoom('native', files)).toEqual({
    'gradient/': { covered: 9, total: 15 },
    'wire/': { covered: 3, total: 3 },
    total: { covered: 12, total: 18 },
  });
  expect(byRoom('lib', files)).toEqual({
    'load_model.ts': { covered: 1, total: 2 },
    total: { covered: 1, total: 2 },
  });
});

it('is a table by names, the whole last, and no share is rounded up', () => {
  const rooms = {
    native: {
      total: { covered: 1999, total: 2000 },
      'b/': { covered: 3, total: 3 },
      'a/': { covered: 0, total: 1 },
    },
  };
  expect(table(rooms).split('\n')).toEqual([
    '| room | lines covered | |',
    '|---|---|---|',
    '| native/a/ | 0 of 1 | 0 % |',
    '| native/b/ | 3 of 3 | 100 % |',
    '| **native** | 1999 of 2000 | 99.9 % |',
  ]);
});

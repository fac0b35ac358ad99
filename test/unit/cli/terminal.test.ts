import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { interruptible } from '../../../lib/cli/shared/interrupt.js';
import { formatBytes, formatNumber } from '../../../lib/cli/shared/numbers.js';
import { checkOutput } from '../../../lib/cli/shared/output.js';
import { hasColours, paint, printable, printableLines } from '../../../lib/cli/shared/terminal.js';
import { whyNotWritable } from '../../../lib/support/writable.js';
import { memoryTerminal, temporaryDirectory, writerIn } from './support.js';

afterEach(() => vi.unstubAllEnvs());

describe('colours', () => {
  const plain = () => {
    for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS']) vi.stubEnv(name, undefined);
    vi.stubEnv('TERM', 'xterm');
  };

  test('are on a terminal, and nowhere else', () => {
    plain();
    const [terminal, pipe] = [memoryTerminal(80).out, memoryTerminal().out];
    expect(paint(terminal, 'red', 'x')).toBe('\u001b[31mx\u001b[39m');
    expect(paint(pipe, 'red', 'x')).toBe('x');
    expect([hasColours(terminal), hasColours(pipe)]).toEqual([true, false]);
  });

  test('are not on a terminal that has none', () => {
    plain();
    const { out } = memoryTerminal(80);
    Object.assign(out, { getColorDepth: () => 1 });
    expect(paint(out, 'red', 'x')).toBe('x');
  });

  test('are always present with FORCE_COLOR, and never with FORCE_COLOR=0', () => {
    plain();
    vi.stubEnv('FORCE_COLOR', '1');
    expect(paint(memoryTerminal().out, 'red', 'x')).toBe('\u001b[31mx\u001b[39m');
    vi.stubEnv('FORCE_COLOR', '0');
    expect(paint(memoryTerminal(80).out, 'red', 'x')).toBe('x');
  });
});

test('names from outside neither break a line nor control the terminal', () => {
  expect(printable('a cat – ü.png')).toBe('a cat – ü.png');
  expect(printable('new\nline\t\u001b[31mred\u007f\u009b1m\u202egnp')).toBe(
    'new\\nline\\t\\u001b[31mred\\u007f\\u009b1m\\u202egnp',
  );
  expect(printableLines('one\ntwo\u001b[2J')).toBe('one\ntwo\\u001b[2J');
});

describe('an output directory', () => {
  const directory = temporaryDirectory();
  const file = writerIn(directory);

  test('may be there or not; looking leaves nothing behind', async () => {
    expect(await whyNotWritable(directory)).toBeNull();
    expect(await whyNotWritable(join(directory, 'a', 'b', 'c'))).toBeNull();
    expect(await readdir(directory)).toEqual([]);
  });

  test('is no file, nor below one', async () => {
    const path = await file('taken', '');
    expect(await whyNotWritable(path)).toBe(`expected a directory, but '${path}' is a file`);
    expect(await whyNotWritable(join(path, 'below'))).toBe(`expected a directory, but '${path}' is a file`);
    await expect(checkOutput('--out', path)).rejects.toThrow(/^--out: expected a directory.* Choose another/);
  });

  // Node's recursive `mkdir` never returns there, not even for root, whose permissions allow it.
  test.runIf(process.platform === 'linux')('is not in /proc', async () => {
    expect(await whyNotWritable('/proc/foo/bar')).toMatch(/^nothing can be written to '\/proc' \(E[A-Z]+\)$/);
  });

  test.skipIf(process.getuid?.() === 0)('is not read-only', async () => {
    const closed = join(directory, 'closed');
    await mkdir(closed);
    await chmod(closed, 0o500);
    expect(await whyNotWritable(join(closed, 'in'))).toMatch(/closed' \(EACCES\)$/);
  });
});

describe('an interrupt', () => {
  const run = async (work: (signal: AbortSignal) => Promise<number>) => {
    const terminal = memoryTerminal();
    const codes: number[] = [];
    await interruptible(terminal, (code) => codes.push(code), work);
    return { codes, err: terminal.text().err };
  };
  const listeners = () => ['SIGINT', 'SIGTERM'].map((name) => process.listenerCount(name));

  test('of interrupted work is 130 and not a failure', async () => {
    const before = listeners();
    const stopped = await run(async (signal) => {
      process.emit('SIGINT');
      signal.throwIfAborted();
      return 0;
    });
    expect(stopped).toEqual({ codes: [130], err: 'Interrupted.\n' });
    expect(listeners()).toEqual(before);
  });

  test('of work that ends well is for the work to say', async () => {
    const work = async () => {
      process.emit('SIGTERM');
      return 0;
    };
    expect(await run(work)).toEqual({ codes: [0], err: '' });
  });

  test('does not apply to an error without an interrupt, which is thrown', async () => {
    const before = listeners();
    await expect(run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(listeners()).toEqual(before);
  });
});

test('numbers are shown with three digits at least', () => {
  expect([0.12345, 12.345, 1234.5, Number.NaN].map(formatNumber)).toEqual(['0.123', '12.3', '1235', '-']);
  expect([0, 999, 1500, 99_500_000, 25e9, 1.2e15, 1e30].map(formatBytes)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.5 kB',
    '100 MB',
    '25 GB',
    '1.2 PB',
    '1000000000000 EB',
  ]);
});

import { describe, expect, test } from 'vitest';
import { median, timeInRounds } from '../../../lib/cli/bench/measure.js';
import { batchSizes, duration } from '../../../lib/cli/bench/options.js';
import { BenchPrinter } from '../../../lib/cli/bench/printer.js';
import { positionsOf, shapeFor, syntheticInputs } from '../../../lib/cli/shared/synthetic.js';
import type { TensorSpec } from '../../../lib/graph/layer.js';
import { memoryTerminal } from './support.js';

describe('options', () => {
  test('batch sizes are a list, each once', () => {
    expect(batchSizes('1, 8,8,32')).toEqual([1, 8, 32]);
    for (const text of ['', '0', '1,', '-1', 'a', '1.5', '10000'])
      expect(() => batchSizes(text)).toThrow(/1 to 9999/);
  });

  test('times are above 0 and end', () => {
    expect([duration('0.5'), duration('3600')]).toEqual([0.5, 3600]);
    for (const text of ['0', '', '-1', 'long', 'Infinity', '3601'])
      expect(() => duration(text)).toThrow(/seconds/);
  });
});

describe('rounds', () => {
  /** Calls that take `takes` each, on a clock of their own. */
  function setUp(takes: readonly number[]) {
    let clock = 0;
    const order: number[] = [];
    const calls = takes.map((milliseconds, i) => ({
      async run() {
        order.push(i);
        clock += milliseconds;
      },
    }));
    return { calls, order, now: () => clock };
  }
  const { signal } = new AbortController();

  test('calls take turns until each has had its time', async () => {
    const { calls, order, now } = setUp([10, 25]);
    const shares: number[] = [];
    const times = await timeInRounds(calls, {
      milliseconds: 100,
      signal,
      now,
      onCall: (share) => shares.push(share),
    });
    expect(times).toEqual([new Array(10).fill(10), new Array(4).fill(25)]);
    expect(order.slice(0, 8)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
    expect(order.slice(8)).toEqual(new Array(6).fill(0));
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
  });

  test('there are at least three, regardless of their duration', async () => {
    const { calls, now } = setUp([1000]);
    expect(await timeInRounds(calls, { milliseconds: 1, signal, now })).toEqual([[1000, 1000, 1000]]);
  });

  test('an interrupted one is left out, a failed one is a failure', async () => {
    const controller = new AbortController();
    const { calls, now } = setUp([10]);
    let left = 2;
    const run = async () => {
      await calls[0]?.run();
      if (left-- === 0) {
        controller.abort();
        throw new Error('cancelled');
      }
    };
    expect(await timeInRounds([{ run }], { milliseconds: 1e6, signal: controller.signal, now })).toEqual([
      [10, 10],
    ]);
    const broken = { run: () => Promise.reject(new Error('broken')) };
    await expect(timeInRounds([broken], { milliseconds: 1, signal })).rejects.toThrow('broken');
  });

  test('the median is in the middle', () => {
    expect([median([5, 1, 100]), median([4, 2]), median([7])]).toEqual([5, 3, 7]);
    expect(median([])).toBeNaN();
  });
});

describe('samples', () => {
  const spec = (shape: TensorSpec['shape'], dtype: TensorSpec['dtype'] = 'float32'): TensorSpec => ({
    name: 'x',
    dtype,
    shape,
  });

  test("have the shape of the model's input, and the requested size where the model takes any", () => {
    expect(shapeFor(spec([null, 96, 96, 3]), 8, [224, 320])).toEqual([8, 96, 96, 3]);
    expect(shapeFor(spec([null, null, null, 3]), 2, [224, 320])).toEqual([2, 224, 320, 3]);
    expect(shapeFor(spec([null, null, null, null]), 1, [224, 320])).toEqual([1, 224, 320, 3]);
    expect(shapeFor(spec([null, null, 2]), 1, [64])).toEqual([1, 64, 2]);
    expect(shapeFor(spec([null, null, null, null, 1]), 1, [64])).toEqual([1, 64, 64, 64, 1]);
    expect(shapeFor(spec([null, 5]), 3, [64])).toEqual([3, 5]);
    expect(() => shapeFor(spec(null), 1, [64])).toThrow("'x' has no known shape");
  });

  test('are from 0 to 1, differ, and are the same each time; integers are 0', () => {
    const [a, b] = [1, 2].map(() => syntheticInputs([spec([null, 10])], 10, [1])[0]);
    const values = Array.from(a?.data as Float32Array);
    expect(values).toEqual(Array.from(b?.data as Float32Array));
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(new Set(values).size).toBeGreaterThan(90);
    const [integers] = syntheticInputs([spec([null, 2], 'uint8')], 1, [1]);
    expect(Array.from(integers?.data as Uint8Array)).toEqual([0, 0]);
    expect(() => syntheticInputs([spec([null], 'string')], 1, [1])).toThrow('dtype string');
  });

  test('have their positions between samples and channels', () => {
    expect(positionsOf([spec([null, 8, 8, 3])])).toEqual([-3, -2]);
    expect(positionsOf([spec([null, 8, 3])])).toEqual([-2]);
    expect(positionsOf([spec([null, 8, 8, 8, 3])])).toEqual([-4, -3, -2]);
    expect(positionsOf([spec([null, 5])])).toEqual([]);
  });
});

test('results are a table, or one object per line', async () => {
  const setup = {
    tensorflow: '2.21.0',
    method: 'gradcam',
    inputs: [[1, 96, 96, 3]],
    threads: 2,
    strategy: 'oneDevice',
    milliseconds: { library: 500, load: 20, firstMap: 180, total: 700 },
  };
  const measurement = {
    call: 'explain',
    batchSize: 8,
    runs: 12,
    millisecondsPerImage: { minimum: 1.5, median: 2 },
    imagesPerSecond: 500,
  } as const;
  const print = async (json: boolean) => {
    const terminal = memoryTerminal();
    const printer = new BenchPrinter(terminal, json);
    await printer.setup(setup);
    await printer.measurement(measurement);
    await printer.summary(421e6, false);
    return terminal.text().out.trimEnd().split('\n');
  };
  expect(await print(false)).toEqual([
    'TensorFlow 2.21.0, 2 threads, samples (1, 96, 96, 3), gradcam',
    'First map after 0.700 s: TensorFlow 0.500 s, model 0.0200 s, compiling and one sample 0.180 s.',
    '',
    'call      batch   images/s  ms median   ms least       runs',
    'explain       8        500       2.00       1.50         12',
    '',
    'ms are per image; calls take turns, each warmed up before; images/s by the median.',
    'Peak memory of the process: 421 MB.',
  ]);
  expect((await print(true)).map((line) => JSON.parse(line))).toEqual([
    { type: 'setup', ...setup },
    { type: 'measurement', ...measurement },
    { type: 'summary', peakMemoryBytes: 421e6, interrupted: false },
  ]);
});

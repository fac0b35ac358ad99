import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DataOptions, makeDataHandler } from '../../../lib/data/data_handler.js';
import { moduleSequence } from '../../../lib/data/module_sequence.js';
import { ReaderError } from '../../../lib/support/errors.js';
import { ready } from '../../../lib/tensor/tensor.js';
import { model, takeAll } from './source_fixture.js';

const NUMBERS = new URL('../../fixtures/sequences/numbers.mjs', import.meta.url);

beforeAll(() => ready());

async function handlerOf(args: object, options: DataOptions = {}, transfer = false) {
  const sequence = await moduleSequence(NUMBERS, args, { transfer });
  return makeDataHandler(model, sequence, null, { useMultiprocessing: true, workers: 2, ...options });
}

/** Threads that are alive. */
let alive = 0;
let begun = 0;
process.on('worker', (worker) => {
  alive += 1;
  begun += 1;
  worker.once('exit', () => {
    alive -= 1;
  });
});
const threads = () => alive;

afterAll(() => expect(begun).toBeGreaterThan(20));

describe('a module sequence', () => {
  it.each([
    [1, 1],
    [3, 1],
    [2, 3],
  ])(
    'gives its batches in order (%d workers, %d steps per execution)',
    async (workers, stepsPerExecution) => {
      const handler = await handlerOf({ delay: 4 }, { workers, stepsPerExecution } as DataOptions);
      const taken = await takeAll(handler);
      expect(taken.flatMap(({ x }) => x)).toEqual(
        Array.from({ length: 20 }, (_, row) => [Math.floor(row / 2), row % 2]),
      );
      expect(taken.flatMap(({ y }) => y)).toEqual(Array.from({ length: 20 }, (_, row) => row % 2));
      expect(threads()).toBe(0);
    },
  );

  it('is read in threads, or in this thread without useMultiprocessing', async () => {
    const threaded = await takeAll(await handlerOf({ mode: 'thread', delay: 3 }));
    expect(new Set(threaded.map(({ y }) => y?.[1]))).toEqual(new Set([0]));
    expect(new Set(threaded.map(({ y }) => y?.[0])).size).toBe(2);
    const here = await takeAll(await handlerOf({ mode: 'thread' }, { useMultiprocessing: false }));
    expect(new Set(here.map(({ y }) => y?.[1]))).toEqual(new Set([1]));
  });

  it('may be read again, and twice at once', async () => {
    const sequence = await moduleSequence(fileURLToPath(NUMBERS), { length: 5 });
    const run = () =>
      takeAll(makeDataHandler(model, sequence, null, { useMultiprocessing: true, workers: 2 }));
    const [one, two] = await Promise.all([run(), run()]);
    expect(one).toEqual(two);
    expect(await run()).toEqual(one);
  });

  it('knows its samples, so `y` can be passed', async () => {
    const sequence = await moduleSequence(NUMBERS, { length: 2, samples: 4 });
    const options = { useMultiprocessing: true, workers: 2 };
    const taken = await takeAll(makeDataHandler(model, sequence, [[1], [2], [3], [4]], options));
    expect(taken.map(({ y }) => y)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('may reuse one array unless it transfers arrays', async () => {
    const expected = await takeAll(await handlerOf({}));
    expect(await takeAll(await handlerOf({ cached: true }))).toEqual(expected);
    expect(await takeAll(await handlerOf({}, {}, true))).toEqual(expected);
    await expect(takeAll(await handlerOf({ cached: true }, { workers: 1 }, true))).rejects.toThrow();
  });

  it('reads no further than `steps`', async () => {
    expect(await takeAll(await handlerOf({ mode: 'exit', at: 4 }, { steps: 4 }))).toHaveLength(4);
  });
});

describe('an error in a thread', () => {
  it('arrives with its name, message, code, stack and cause, after the steps before it', async () => {
    const seen: number[] = [];
    const error = await takeAll(await handlerOf({ mode: 'throw', at: 3 }), ({ step }) =>
      seen.push(step),
    ).catch((thrown) => thrown);
    expect(seen).toEqual([0, 1, 2]);
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ name: 'RangeError', message: 'batch out of reach', code: 'ENOBATCH' });
    expect(error.stack).toContain('numbers.mjs');
    expect(error.cause).toMatchObject({ message: 'the reason' });
    expect(threads()).toBe(0);
  });

  it('arrives even if its causes form a circle', async () => {
    const error = await takeAll(await handlerOf({ mode: 'circular', at: 3 })).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: 'batch out of reach', code: 'ENOBATCH' });
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(error.cause.message).toBe('the reason');
    expect(error.cause.cause).toBeUndefined();
    expect(threads()).toBe(0);
  });

  it('arrives with all its errors, even with a getter that throws', async () => {
    const error = await takeAll(await handlerOf({ mode: 'aggregate', at: 3 })).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({
      message: 'two went wrong',
      errors: [
        { name: 'TypeError', message: 'first' },
        { name: 'RangeError', message: 'broken' },
      ],
    });
  });

  it.each([
    ['string', 'just text'],
    ['function', 'could not be cloned'],
    ['factory', 'no Sequence here'],
  ])('is told: %s', async (mode, message) => {
    await expect(takeAll(await handlerOf({ mode, at: 0 }))).rejects.toThrow(message);
    expect(threads()).toBe(0);
  });

  it.each([
    ['exit', 'The thread ended with exit code 3.'],
    ['crash', 'nobody catches this'],
  ])('or ends it (%s) is a ReaderError', async (mode, message) => {
    const error = await takeAll(await handlerOf({ mode, at: 5 })).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ReaderError);
    expect(error).toMatchObject({ code: 'ABORTED', index: 5 });
    expect([0, 1]).toContain(error.thread);
    expect(error.message).toBe(`Thread ${error.thread} crashed while it read batch 5: ${message}`);
    expect(threads()).toBe(0);
  });

  it('while the Sequence is closed is thrown', async () => {
    await expect(takeAll(await handlerOf({ onClose: 'throw' }))).rejects.toThrow('cannot close');
    expect(threads()).toBe(0);
  });

  it('does not occur if the Sequence never closes: the thread is terminated', async () => {
    expect(await takeAll(await handlerOf({ onClose: 'never', length: 2 }))).toHaveLength(2);
    expect(threads()).toBe(0);
  });
});

describe('threads are ended', () => {
  it.each(['never', 'block'])('by a signal, even if they do not settle (%s)', async (mode) => {
    const controller = new AbortController();
    const handler = await handlerOf({ mode, at: 2 });
    const taken = takeAll(handler, ({ step }) => step === 1 && controller.abort(), controller.signal);
    await expect(taken).rejects.toMatchObject({ name: 'CancelledError' });
    expect(threads()).toBe(0);
  });

  it('when the consumer stops early', async () => {
    for await (const batch of (await handlerOf({ length: 50, delay: 2 })).batches()) {
      batch.release();
      break;
    }
    expect(threads()).toBe(0);
  });
});

describe('moduleSequence refuses', () => {
  const module = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
  it.each<[string, unknown, unknown, object, string]>([
    ['no url', undefined, {}, {}, "a module's URL or path for argument `url`"],
    [
      'a function to be sent',
      NUMBERS,
      { make: () => 1 },
      {},
      'what threads can be sent (no functions) for argument `args`',
    ],
    ['a misspelt option', NUMBERS, {}, { transfers: true }, 'should be "transfer"'],
    [
      'no default export',
      module('export const x = 1'),
      {},
      {},
      'a module whose default export is a function',
    ],
    [
      'no Sequence',
      module('export default () => 3'),
      {},
      {},
      'a module whose default export returns a Sequence',
    ],
    ['an empty one', module('export default () => ({ length: 0, at() {} })'), {}, {}, '`x.length`'],
    ['a module that fails', module('throw new Error("not today")'), {}, {}, 'not today'],
  ])('%s', async (_, url, args, options, message) => {
    await expect(moduleSequence(url as string, args, options)).rejects.toThrow(message);
  });

  it('zero workers', async () => {
    await expect(handlerOf({}, { workers: 0 })).rejects.toThrow(
      'an integer of at least 1 for argument `workers`',
    );
  });
});

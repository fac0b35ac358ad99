import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Callback, CallbackList, History, ProgbarLogger } from '../../../lib/callbacks/index.js';

class Sink extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 80;

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  // What cli-progress asks of a terminal.
  cursorTo(): boolean {
    return true;
  }
  clearLine(): boolean {
    return true;
  }
  moveCursor(): boolean {
    return true;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const logs = { outputs: {}, stopPredicting: () => undefined };

describe('CallbackList', () => {
  it('calls every hook of every callback, in order, and awaits it', async () => {
    const calls: string[] = [];
    class Recorder extends Callback {
      override async onPredictBegin() {
        await new Promise((resolve) => setTimeout(resolve, 5));
        calls.push('first begin');
      }
      override onPredictBatchBegin(step: number) {
        calls.push(`first batch ${step}`);
      }
    }
    const second = {
      onPredictBegin: () => void calls.push('second begin'),
      onPredictBatchEnd: (endStep: number) => void calls.push(`second end ${endStep}`),
      onPredictEnd: () => void calls.push('second done'),
    };
    const list = new CallbackList([new Recorder(), second]);
    await list.onPredictBegin();
    await list.onPredictBatchBegin(0);
    await list.onPredictBatchEnd(1, logs);
    await list.onPredictEnd();
    expect(calls).toEqual(['first begin', 'second begin', 'first batch 0', 'second end 1', 'second done']);
  });

  it('tells callbacks of the model and the run', () => {
    const callback = new (class extends Callback {})();
    new CallbackList([callback], { model: 'the model', steps: 3, samples: 10, verbose: 0 });
    expect(callback.model).toBe('the model');
    expect(callback.params).toEqual({ steps: 3, samples: 10, verbose: 0 });
  });

  it('adds a history and a bar where asked to', () => {
    expect(new CallbackList([], { addHistory: true, addProgbar: true, verbose: 1 }).callbacks).toHaveLength(
      2,
    );
    expect(new CallbackList([], { addHistory: true, addProgbar: true, verbose: 0 }).callbacks).toHaveLength(
      1,
    );
    const own = new History();
    const list = new CallbackList([own], { addHistory: true });
    expect([list.history, list.callbacks.length]).toEqual([own, 1]);
  });

  it('knows whether anyone keeps what steps give', () => {
    expect(new CallbackList([], { addHistory: true, addProgbar: true, verbose: 1 }).observed).toBe(false);
    expect(new CallbackList([{ onPredictEnd: () => undefined }]).observed).toBe(true);
  });

  it('knows whether anyone wants to know how far a batch is', async () => {
    expect(new CallbackList([new History(), { onPredictEnd: () => undefined }]).watchesProgress).toBe(false);
    expect(new CallbackList([], { addProgbar: true, verbose: 1 }).watchesProgress).toBe(true);
    const seen: unknown[] = [];
    const list = new CallbackList([
      new History(),
      { onPredictBatchProgress: (step, progress) => void seen.push(step, progress) },
    ]);
    expect(list.watchesProgress).toBe(true);
    await list.onPredictBatchProgress(2, { done: 1, total: 3 });
    expect(seen).toEqual([2, { done: 1, total: 3 }]);
  });

  it('refuses what is no callback', () => {
    expect(() => new CallbackList([3 as never])).toThrow('Expected an array of callbacks');
    expect(() => new CallbackList({} as never)).toThrow(TypeError);
    expect(() => new CallbackList([{}, { onPredictBatchProgress: 3 as never }])).toThrow(
      'Expected a function for argument `callbacks[1].onPredictBatchProgress` but received 3',
    );
    expect(() => new CallbackList([], { verbose: 7 as never })).toThrow("Expected 'auto', 0, 1 or 2");
  });
});

describe('History', () => {
  it('records the steps of the last run', () => {
    const history = new History();
    for (let run = 0; run < 2; run++) {
      history.onPredictBegin();
      for (let step = 0; step < 3; step++) {
        history.onPredictBatchBegin(step);
        history.onPredictBatchEnd(step + 1);
      }
      history.onPredictEnd();
    }
    expect(history.steps.map(({ step }) => step)).toEqual([0, 1, 2]);
    expect(history.steps.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
    expect(history.milliseconds).toBeGreaterThanOrEqual(0);
  });
});

describe('ProgbarLogger', () => {
  // As at a desk, wherever these tests run.
  beforeEach(() => {
    vi.stubEnv('CI', '');
    vi.stubEnv('TERM', 'xterm');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.useRealTimers();
  });

  const run = (isTTY: boolean, verbose: number, steps: number | null = 4) => {
    const stream = new Sink(isTTY);
    const bar = new ProgbarLogger({ stream });
    bar.setParams({ verbose, steps, samples: null });
    bar.onPredictBegin();
    for (let step = 1; step <= 4; step++) bar.onPredictBatchEnd(step);
    bar.onPredictEnd();
    return stream.text;
  };

  it('draws a bar on a terminal', () => {
    const text = run(true, 1);
    expect(text).toMatch('4/4 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━');
    expect(text).toMatch(/\/step/);
  });

  it('writes a plain line to a log', () => {
    expect(run(false, 1)).toMatch(/^4\/4 - 0s \d+ms\/step\n$/);
  });

  it('writes one line at verbose 2', () => {
    expect(run(true, 2)).toMatch(/^4\/4 - 0s \d+ms\/step\n$/);
  });

  it.each(['CI', 'TERM'])('writes plain lines where %s says that nothing can be drawn over', (name) => {
    vi.stubEnv(name, name === 'CI' ? 'true' : 'dumb');
    expect(run(true, 1)).toMatch(/^4\/4 - 0s \d+ms\/step\n$/);
  });

  it('counts the steps of input whose end is not known', () => {
    expect(run(false, 1, null)).toMatch(/^4\/\? - 0s \d+ms\/step\n$/);
    const drawn = run(true, 1, null);
    expect(drawn).toMatch(/4\/\? - 0s \d+ms\/step/);
    expect(drawn).not.toMatch('━');
  });

  it('writes a line every five seconds to a log, and one at the end', () => {
    vi.useFakeTimers();
    const stream = new Sink(false);
    const bar = new ProgbarLogger({ stream });
    bar.setParams({ verbose: 1, steps: 10, samples: null });
    bar.onPredictBegin();
    for (let step = 1; step <= 10; step++) {
      vi.advanceTimersByTime(2000);
      bar.onPredictBatchEnd(step);
    }
    bar.onPredictEnd();
    expect(stream.text.match(/^\d+\/10/gm)).toEqual(['3/10', '6/10', '9/10', '10/10']);
    expect(stream.text).toMatch(/^3\/10 - 14s left 2\.0s\/step$/m);
  });

  it('draws the parts of batches that are done', () => {
    const stream = new Sink(true);
    const bar = new ProgbarLogger({ stream });
    bar.setParams({ verbose: 1, steps: 2, samples: 16 });
    bar.onPredictBegin();
    bar.onPredictBatchProgress(0, { done: 10, total: 10 });
    bar.onPredictBatchEnd(1);
    bar.onPredictBatchProgress(1, { done: 2, total: 10 });
    bar.onPredictError();
    expect(stream.text).toMatch(/1\/2 ━{18} {12} /);
  });

  it('ends the bar where the run fails', () => {
    const stream = new Sink(true);
    const bar = new ProgbarLogger({ stream });
    bar.setParams({ verbose: 1, steps: 4, samples: 16 });
    bar.onPredictBegin();
    bar.onPredictError();
    expect(stream.text.endsWith('\n')).toBe(true);
  });
});

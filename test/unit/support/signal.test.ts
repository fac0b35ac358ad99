import { getEventListeners } from 'node:events';
import { setImmediate as settled } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { follow } from '../../../lib/support/signal.js';

describe('follow', () => {
  it('leaves a shared signal without listeners, and Node without a warning of a leak', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    const controller = new AbortController();
    const following = Array.from({ length: 50 }, () => follow(controller.signal));
    await settled();
    for (const { dispose } of following) dispose();
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
  });

  it('tells what ended it: the signal, the time, or neither', async () => {
    const outer = new AbortController();
    const byOuter = follow(outer.signal);
    const byTime = follow(undefined, 1);
    const byItself = follow(outer.signal);
    byItself.abort('done');
    outer.abort('enough');
    await vi.waitFor(() => expect(byTime.signal.aborted).toBe(true));
    expect(byOuter.interruption()).toMatchObject({ name: 'CancelledError', cause: 'enough' });
    expect(byTime.interruption()).toMatchObject({ name: 'TimeoutError', code: 'DEADLINE_EXCEEDED' });
    expect(byItself.interruption()).toBeNull();
  });
});

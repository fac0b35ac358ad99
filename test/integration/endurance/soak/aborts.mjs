/** Calls that are given up. */
import { getEventListeners } from 'node:events';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { endless, gradcam, ke, loadFrozen, looping, raw, samples } from './models.mjs';

/** Settles as it should where it was given up, and also where it was done before. */
async function ended(call, code = 'CANCELLED') {
  try {
    await call;
  } catch (error) {
    if (error.code !== code) throw error;
  }
}

async function aborted(begin, when, code) {
  const controller = new AbortController();
  const call = ended(begin(controller.signal), code);
  await when();
  controller.abort();
  await call;
}

async function firstSteps(steps, count) {
  let taken = 0;
  for await (const step of steps) {
    step[Symbol.dispose]();
    if (++taken === count) break;
  }
}

async function aborts({ random }) {
  const model = await loadFrozen();
  const explainer = ke.createExplainer(looping, model, { resizing: false });
  const x = samples(4);
  const long = endless();
  /** A service's own: whoever is done with it must let go of it. */
  const shared = new AbortController();
  const explain = (method, given, options) => ke.explain(method, model, given, null, raw(options));
  const soon = () => sleep(random.between(0, 2));
  const ways = [
    // Before it begins, at once, and in turns after that.
    () => ended(explain(gradcam, x, { signal: AbortSignal.abort() })),
    () =>
      aborted(
        (signal) => explain(gradcam, x, { signal }),
        async () => undefined,
      ),
    () => aborted((signal) => explain(gradcam, x, { signal, batchSize: 1 }), turn),
    () => aborted((signal) => model.predict(x, { signal, batchSize: 1 }), turn),
    // In the middle of a run, of a compilation, of several batches.
    () => aborted((signal) => explain(looping, long, { signal }), soon),
    (i) => aborted((signal) => explain(gradcam, x, { signal, resizing: [3 + (i % 40), 5] }), soon),
    () => ended(explain(looping, long, { timeout: 1 }), 'DEADLINE_EXCEEDED'),
    () => aborted((signal) => explainer.explain(long, null, { signal }), soon),
    () =>
      aborted(
        (signal) => firstSteps(ke.explainBatches(gradcam, model, x, null, raw({ signal, batchSize: 1 })), 4),
        turn,
      ),
    // When all is done, and never.
    () =>
      aborted(
        (signal) => explain(gradcam, x, { signal }),
        () => explain(gradcam, x, {}),
      ),
    () => explain(gradcam, x, { signal: shared.signal }),
    () => explainer.explain(x.rows(0, 1), null, { signal: shared.signal }),
  ];
  return {
    async step(i) {
      await ways[i % ways.length](i);
      const listeners = getEventListeners(shared.signal, 'abort').length;
      if (listeners > 0) throw new Error(`${listeners} listeners are left on a caller's signal`);
      return 1;
    },
    async end() {
      await explainer.close();
      model.close();
    },
  };
}

export const abortions = { aborts: { count: 1000, begin: aborts } };

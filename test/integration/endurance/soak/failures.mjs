/** What goes wrong, a thousand times each. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FROZEN, gradcam, ke, loadFrozen, ops, poison, raw, SAVED, samples, strict } from './models.mjs';

const ofTheUser = () => {
  throw new Error('of the user');
};

/** `act` must fail, with this in its message. */
async function fails(act, message) {
  let error;
  try {
    await act();
  } catch (thrown) {
    error = thrown;
  }
  if (!error?.message.includes(message)) throw new Error(`not "${message}"`, { cause: error });
}

/** A thousand of each kind: what is refused at once, by a model's reader, by the recording, by a run. */
async function errors() {
  const directory = await mkdtemp(path.join(tmpdir(), 'keras-explainable-soak-'));
  const garbage = path.join(directory, 'garbage.pb');
  await writeFile(garbage, 'this is no GraphDef');
  const model = await loadFrozen();
  const closed = await loadFrozen();
  closed.close();
  const x = samples(4);
  const nan = ke.tensor(new Float32Array(8).fill(Number.NaN), [1, 2, 2, 2]);
  const explainer = ke.createExplainer(strict, model, { resizing: false });
  const explain = (given, y = null, options = {}, method = gradcam) =>
    ke.explain(method, model, given, y, raw(options));
  const kinds = [
    [() => explain(ke.tensor(new Float32Array(8), [2, 2, 2])), 'axis of samples'],
    [() => explain(nan), 'NaN at'],
    [() => explain(x, [[0], [9], [0], [0]]), 'a unit from 0 to 2'],
    [() => explain(x, null, { batch_size: 3 }), 'Misspelled option'],
    [() => ke.explain(gradcam, closed, x), 'is closed'],
    [() => ke.loadModel(path.join(directory, 'nothing')), 'nothing'],
    [() => ke.loadModel(garbage), 'garbage'],
    [() => ke.loadModel(FROZEN, { outputs: ['lgits'] }), 'lgits'],
    [() => ke.loadModel(SAVED, { signature: 'predict' }), 'serving_default'],
    [() => explain(x, null, {}, ofTheUser), 'of the user'],
    [() => explain(x, null, {}, () => 3), 'symbolic tensors'],
    [
      () =>
        explain(x, null, {}, ({ model: m, inputs }) => ({
          logits: m(inputs)[0],
          maps: ops.reshape(inputs, [3, 7]),
        })),
      '',
    ],
    [() => explain(poison(4), null, {}, strict), ''],
    [() => explain(poison(4), null, { batchSize: 1 }, strict), ''],
    [() => explainer.explain(poison()), ''],
    [() => explainer.explain(x), ''],
  ];
  return {
    async step() {
      for (const [act, message] of kinds) await fails(act, message);
      return 1;
    },
    async end() {
      await explainer.close();
      model.close();
      await rm(directory, { recursive: true });
    },
  };
}

const HOOKS = ['onPredictBegin', 'onPredictBatchBegin', 'onPredictBatchEnd', 'onPredictEnd'];

/** Hooks, sources, filters and consumers that throw, return or stop in the middle. */
async function unfinished({ random }) {
  const model = await loadFrozen();
  const x = samples(8);
  const sources = { begun: 0, ended: 0 };
  async function* source(failsAt = Number.POSITIVE_INFINITY) {
    sources.begun += 1;
    try {
      for (let i = 0; i < 50; i++) {
        if (i === failsAt) ofTheUser();
        yield samples(2);
      }
    } finally {
      sources.ended += 1;
    }
  }
  const steps = (given, options) => ke.explainBatches(gradcam, model, given, null, raw(options));
  const taken = async (iterable, end) => {
    let left = Math.floor(random.between(0, 4));
    for await (const step of iterable) {
      if (left-- > 0) step[Symbol.dispose]();
      else if (end === 'throw') ofTheUser();
      else return;
    }
  };
  const all = async (iterable) => {
    for await (const step of iterable) step[Symbol.dispose]();
  };
  const ways = [
    () => taken(steps(source()), 'return'),
    () => taken(steps(x, { batchSize: 1 }), 'return'),
    () => fails(() => taken(steps(source()), 'throw'), 'of the user'),
    () => fails(() => all(steps(source(5))), 'of the user'),
    () => fails(() => ke.explain(gradcam, model, source(3), null, raw()), 'of the user'),
    // Begun, asked once, and forgotten; not begun at all.
    async () => {
      const iterator = steps(x, { batchSize: 1 });
      await iterator.next();
      await iterator.return();
    },
    async () => void steps(source()),
    (i) => {
      const callbacks = [{ [HOOKS[i % HOOKS.length]]: ofTheUser }];
      return fails(
        () => ke.explain(gradcam, model, x, null, raw({ callbacks, batchSize: 2 })),
        'of the user',
      );
    },
    async () => {
      const callbacks = [{ onPredictBatchEnd: (_, { stopPredicting }) => stopPredicting() }];
      await ke.explain(gradcam, model, x, null, raw({ callbacks, batchSize: 2 }));
    },
  ];
  return {
    async step(i) {
      await ways[i % ways.length](i);
      if (sources.begun !== sources.ended)
        throw new Error(`a source is left open: ${JSON.stringify(sources)}`);
      return 1;
    },
    end: async () => model.close(),
  };
}

export const failures = {
  errors: { count: 1000, begin: errors },
  unfinished: { count: 5000, begin: unfinished },
};

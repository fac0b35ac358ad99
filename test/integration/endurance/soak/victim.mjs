/** A worker thread that says where it is, and goes on until it is killed there. */
import { parentPort, workerData } from 'node:worker_threads';
import { endless, gradcam, ke, loadFrozen, looping, raw, samples } from './models.mjs';

const { way } = workerData;
const here = () => parentPort.postMessage(way);

if (way === 'load') {
  here();
  for (;;) await loadFrozen();
}
const model = await loadFrozen();
const x = samples(4);
const explain = (options) => ke.explain(gradcam, model, x, null, raw(options));
if (way === 'compile') {
  here();
  for (let i = 2; ; i++) await explain({ resizing: [i, 3] });
}
await explain();
switch (way) {
  case 'explain':
    here();
    for (;;) await explain({ batchSize: 1 });
  case 'loop':
    here();
    await ke.explain(looping, model, endless(), null, raw());
    break;
  case 'batches':
    here();
    for (;;) {
      for await (const step of ke.explainBatches(gradcam, model, x, null, raw({ batchSize: 1 }))) void step;
    }
  case 'explainer': {
    const explainer = ke.createExplainer(gradcam, model, { resizing: false });
    here();
    for (;;) await Promise.all([0, 1, 2, 3].map((i) => explainer.explain(x.rows(i, i + 1))));
  }
  case 'exit':
    void explain({ batchSize: 1 });
    process.exit(0);
    break;
  case 'throw':
    void explain({ batchSize: 1 }).catch(() => undefined);
    throw new Error('of the worker');
  default:
  // Left open: it ends with the thread.
}

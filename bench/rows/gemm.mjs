/** Compares with the peak of the machine's float32 units: TensorFlow's MatMul, with the threads of a model's run. */
import { availableParallelism } from 'node:os';
import { ensureTensorflow } from '../../dist/binding/loader.js';
import { op } from '../../dist/graph/operand.js';
import * as ops from '../../dist/graph/ops/index.js';
import { Trace } from '../../dist/graph/trace.js';
import { nativeAsync } from '../../dist/support/errors.js';
import { allocate } from '../../dist/tensor/tensor.js';
import { network, operations } from '../../scripts/bench/models.mjs';
import { openTiny } from '../models.mjs';
import { noiseOf } from '../noise.mjs';
import { startOwn } from '../peers/own.mjs';
import { sharedPeer } from '../peers/peer.mjs';

const NAME = 'ResNet50V2';
/** The same job as in the other Grad-CAM rows, so that the job is opened once. */
const JOB = { method: 'gradcam', samples: 32, batchSize: 8, precision: 'float32' };
/** The size of the square matrices. A product reads and writes 32 MB for 17 GFLOP. */
const SIZE = 2048;
const PRODUCTS = 4;

/** Prepares products that run in parallel on one thread each. `run` returns FLOP/s. */
async function openProducts() {
  // Only the model's session is used. The product is not part of the model.
  const model = await openTiny();
  const rows = availableParallelism() * PRODUCTS;
  const x = allocate([rows, SIZE, SIZE]);
  noiseOf(x.data);
  const trace = Trace.create(await ensureTensorflow());
  const corner = trace.run(() => {
    const left = ops.reshape(trace.placeholder('float32', [null, SIZE, SIZE], 'x'), [SIZE, SIZE]);
    const right = ops.reshape(ops.constant(noiseOf(new Float32Array(SIZE * SIZE))), [SIZE, SIZE]);
    // TensorFlow computes the whole product, but only one row is fetched, to exclude the time of a copy.
    return ops.slice(op('MatMul', [left, right]), [0, 0], [1, SIZE]);
  });
  const product = await trace.compile([corner], model.core.session);
  const feeds = [await x.toAligned()];
  return {
    async run() {
      const begun = performance.now();
      const run = () => product.run(feeds, { shardSize: 1 });
      const [values] = await nativeAsync(() => model.core.strategy.during(run));
      const seconds = (performance.now() - begun) / 1000;
      values.release();
      return (rows * 2 * SIZE ** 3) / seconds;
    },
    close() {
      product.close();
      model.close();
    },
  };
}

export const GEMM = {
  name: 'gradcam-peak',
  title: `Grad-CAM of ${JOB.samples} samples of ${NAME}, in batches of ${JOB.batchSize}: FLOP/s of the convolutions and matrix products, compared with the peak`,
  metrics: {
    here: { unit: 'GFLOP/s', better: 'higher' },
    MatMul: { unit: 'GFLOP/s', better: 'higher' },
    share: { ratio: ['here', 'MatMul'], unit: '', better: 'higher', target: { atLeast: 0.85 } },
  },
  async open() {
    const own = await sharedPeer(startOwn);
    const job = await own.open({ model: await network(NAME), ...JOB });
    const perSample = await operations(NAME);
    const products = await openProducts();
    return {
      async measure() {
        return {
          here: ((await job.rate()) * perSample) / 1e9,
          MatMul: (await products.run()) / 1e9,
        };
      },
      async close() {
        products.close();
      },
    };
  },
};

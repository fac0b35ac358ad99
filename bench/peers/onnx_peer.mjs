/**
 * onnxruntime as a peer (bench/peers/peer.mjs). The argument is the package.json of the folder with onnxruntime. This
 * peer only predicts.
 */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { noiseOf } from '../noise.mjs';
import { answer } from './answer.mjs';

const ort = createRequire(process.argv[2])('onnxruntime-node');

await answer(async ({ model: path, shape, samples, batchSize }) => {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: availableParallelism() });
  const size = shape.reduce((product, each) => product * each, 1);
  const x = noiseOf(new Float32Array(samples * size));
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  const run = async (begin, end) => {
    const values = x.subarray(begin * size, end * size);
    const outputs = await session.run({
      [input]: new ort.Tensor('float32', values, [end - begin, ...shape]),
    });
    return outputs[output];
  };
  return async (rows) => {
    let last;
    for (let begin = 0; begin < rows; begin += batchSize) {
      last = await run(begin, Math.min(begin + batchSize, rows));
    }
    return { shape: last.dims, data: last.data };
  };
});

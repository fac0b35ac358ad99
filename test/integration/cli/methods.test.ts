import { afterAll, expect, test } from 'vitest';
import { explainBatch } from '../../../lib/cli/shared/methods/explaining.js';
import { explainedModel } from '../../../lib/cli/shared/methods/exposed.js';
import { type MethodSettings, VOCABULARY } from '../../../lib/cli/shared/methods/vocabulary.js';
import * as ke from '../../../lib/index.js';

const METHOD_NAMES = VOCABULARY.names;
const methodsOf = (names: string[], settings: MethodSettings, preprocess: 'none') =>
  VOCABULARY.build(names, settings, preprocess);

const model = await ke.loadModel('demo/model');
afterAll(() => model.close());

/** Two pictures of a slope and a wave: not constant, the same in every run. */
function pictures(): ke.Tensor {
  const values = Float32Array.from({ length: 2 * 96 * 96 * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % 96, Math.floor(i / 288) % 96];
    return i < 96 * 96 * 3 ? (x + y) * 1.3 : 127 + 127 * Math.sin(x / 5) * Math.cos(y / 9);
  });
  return ke.tensor(values, [2, 96, 96, 3]);
}

const shortcuts: Readonly<Record<string, unknown>> = ke;

test.each(METHOD_NAMES)('the command line gives the maps of ke.%s', async (name) => {
  const [method] = methodsOf([name], name === 'scorecam' ? { maxChannels: 4 } : {}, 'none');
  if (method === undefined) throw new Error(name);
  const explained = explainedModel(model, method, undefined, 'keep');
  const units = [
    [3, 1],
    [0, 9],
  ];
  const { signal } = new AbortController();
  const maps = await explainBatch(method, explained, pictures(), units, { batchSize: 2, signal });
  const shortcut = shortcuts[name] as typeof ke.gradcam;
  const expected = await shortcut(explained, pictures(), units, { verbose: 0, ...method.params });
  expect(maps.shape).toEqual([2, 96, 96, 2]);
  expect(maps.shape).toEqual(expected.maps.shape);
  expect(Buffer.from(maps.data.buffer, maps.data.byteOffset, maps.data.byteLength)).toEqual(
    Buffer.from(expected.maps.data.buffer, expected.maps.data.byteOffset, expected.maps.data.byteLength),
  );
});

test('a batch tells how far its loops are, up to the end', async () => {
  const [method] = methodsOf(['scorecam'], { maxChannels: 40 }, 'none');
  if (method === undefined) throw new Error('scorecam');
  const explained = explainedModel(model, method, undefined, 'keep');
  const shares: number[] = [];
  const { signal } = new AbortController();
  await explainBatch(method, explained, pictures(), [[3], [0]], {
    batchSize: 2,
    signal,
    onShare: (share) => shares.push(share),
  });
  expect(shares.at(-1)).toBe(1);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
});

/** A signature that takes serialised `tf.Example`s, and one that takes their numbers. */
import { expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { pathOf } from './imported.js';

const path = pathOf('keras3/example_input');
const ROWS = [
  [0.5, -1, 2, 0],
  [3, 0.25, 0, -0.5],
];

/** A field of a protocol buffer that consists of bytes: its number, its length below 128, and the bytes. */
const field = (number: number, bytes: Uint8Array) =>
  Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);

/** Example { features { feature { key: "x", value { float_list { value } } } } } */
function example(values: readonly number[]): Uint8Array {
  const floats = Buffer.from(Float32Array.from(values).buffer);
  const feature = field(2, field(1, floats));
  return field(1, field(1, Buffer.concat([field(1, Buffer.from('x')), field(2, feature)])));
}

it('takes the bytes of the examples', async () => {
  using model = await ke.loadModel(path);
  using numbers = await ke.loadModel(path, { signature: 'predict' });
  const fromBytes = (await model.predict(ROWS.map(example))) as ke.Tensor;
  const fromNumbers = (await numbers.predict(ke.tensor(ROWS))) as ke.Tensor;
  expect([...fromBytes.data]).toEqual([...fromNumbers.data]);
});

it('names the way to numbers if something else is passed or explained', async () => {
  using model = await ke.loadModel(path);
  await expect(model.predict(ke.tensor(ROWS))).rejects.toThrow(
    /Expected strings.*array of strings or Uint8Arrays/,
  );
  await expect(ke.explain(ke.methods.gradient.gradients, model, ROWS.map(example))).rejects.toThrow(
    /an input of numbers instead of strings.*subModel/,
  );
});

it('is explained from the tensor of the parsed numbers on', async () => {
  using model = await ke.loadModel(path);
  using behind = ke.inspection.subModel(model, { inputs: ['ParseExample/ParseExampleV2:0'] });
  using numbers = await ke.loadModel(path, { signature: 'predict' });
  const maps = async (of: ke.Model) =>
    (await ke.explain(ke.methods.gradient.gradients, of, ke.tensor(ROWS), null, { verbose: 0 })).maps.data;
  expect([...(await maps(behind))]).toEqual([...(await maps(numbers))]);
});

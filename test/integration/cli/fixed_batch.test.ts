/** Models that were saved for a batch of one picture. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli, DEMO, inProcess, objects, temporaryDirectory } from '../helpers/cli_process.js';

const directory = temporaryDirectory();
const PICTURES = ['--images', `${DEMO}/images/0*`];
const options = (keras: string) => [
  '--model',
  `test/fixtures/imports/${keras}/fixed_batch/model`,
  ...PICTURES,
];

test.each(['keras2', 'keras3'])('%s: predict and explain take one picture after the other', async (keras) => {
  const out = ['--out', join(directory, keras)];
  const predicted = await inProcess('predict', ...options(keras), '--json');
  const explained = await cli('explain', ...options(keras), ...out, '--json');
  expect([predicted.err, predicted.code, explained.err, explained.code]).toEqual(['', 0, '', 0]);
  const [summary] = objects(predicted.out).slice(-1);
  expect(summary).toMatchObject({ type: 'summary', failed: 0, total: objects(predicted.out).length - 1 });
  expect(summary.total).toBeGreaterThan(1);
  expect(objects(explained.out).at(-1)).toMatchObject({ type: 'summary', failed: 0, total: summary.total });
  const units = (text: string) =>
    objects(text)
      .slice(0, -1)
      .map(({ predictions }) => predictions);
  expect(units(explained.out)).toEqual(units(predicted.out));
});

test('--batch-size does not change what is predicted', async () => {
  const [one, two] = [
    await inProcess('predict', ...options('keras3'), '--json'),
    await inProcess('predict', ...options('keras3'), '--json', '--batch-size', '2'),
  ];
  expect([two.err, two.code]).toEqual(['', 0]);
  // Without oneDNN, the order of sums depends on the number of samples in a batch.
  const rounded = (text: string) => text.replace(/\d+\.\d+/g, (number) => Number(number).toFixed(5));
  const shown = process.env.TF_ENABLE_ONEDNN_OPTS === '0' ? rounded : (text: string) => text;
  expect(shown(two.out)).toBe(shown(one.out));
});

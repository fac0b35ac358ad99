/** Models that take grey pictures (N, height, width), without an axis of channels. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cli, DEMO, inProcess, objects, temporaryDirectory } from '../helpers/cli_process.js';

const directory = temporaryDirectory();

describe.each(['keras2', 'keras3'])('%s', (keras) => {
  const options = [
    ...['--model', `test/fixtures/imports/${keras}/grey_pictures/model`],
    ...['--images', `${DEMO}/images/0*`, '--json'],
  ];

  test('predict and explain read pictures in grey', async () => {
    const predicted = await inProcess('predict', ...options);
    expect([predicted.err, predicted.code]).toEqual(['', 0]);
    expect(objects(predicted.out).at(-1)).toMatchObject({ type: 'summary', failed: 0 });
    const scores = objects(predicted.out)
      .slice(0, -1)
      .map(({ predictions }) => JSON.stringify(predictions));
    expect(new Set(scores).size).toBeGreaterThan(1);
  });

  test.each(['gradcam', 'scorecam', 'gradients', 'gradcam_smooth'])(
    'explain draws maps of %s',
    async (method) => {
      const explained = await cli(
        'explain',
        ...options,
        '--out',
        join(directory, keras, method),
        '--method',
        method,
      );
      expect([explained.err, explained.code]).toEqual(['', 0]);
      const summary = objects(explained.out).at(-1);
      expect(summary).toMatchObject({ type: 'summary', failed: 0 });
      expect(summary.total).toBeGreaterThan(1);
    },
  );
});

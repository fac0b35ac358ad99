/** Too little memory, for real: processes whose address space is limited ask for more than there is. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DEMO, MAIN, ROOT, temporaryDirectory } from '../helpers/cli_process.js';

const scratch = temporaryDirectory();
/** Node and TensorFlow map 2 GB between them before anything is computed. */
const ADDRESS_SPACE_KB = 3_000_000;

/** Runs a program of Node that may map only so much. */
function limited(args: readonly string[]) {
  const command = `ulimit -v ${ADDRESS_SPACE_KB}; exec "$0" "$@"`;
  return spawnSync('bash', ['-c', command, process.execPath, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    // glibc maps 64 MB for each thread that allocates: how many there are is the machine's affair.
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  });
}

const PRELUDE = `
  const ke = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'dist/index.js')))});
  const model = await ke.loadModel('test/fixtures/tiny/frozen.pb', { inputs: ['x'], outputs: ['logits', 'activations'] });
  const images = (n) => ke.tensor(new Float32Array(n * 8).fill(1), [n, 2, 2, 2]);
  const explain = (n, batchSize, resizing) =>
    ke.explain(ke.methods.cams.gradcam, model, images(n), null, { resizing, batchSize, verbose: 0 });
  const before = Array.from((await explain(1, 1, [4, 4])).maps.data);
  const outcome = await ACTION.then(() => 'done', (error) => [error.constructor.name, error.code, error.message]);
  // The process, its model and what it computes are as they were.
  const after = Array.from((await explain(1, 1, [4, 4])).maps.data);
  console.log(JSON.stringify({ outcome, same: before.join() === after.join() }));
`;

describe.runIf(process.platform === 'linux')('more memory than there is', () => {
  test.each([
    ['for an op of a batch', 'explain(2000, 2000, [500, 500])', /OOM when allocating tensor/],
    [
      'for the maps of the whole run',
      'explain(2000, 10, [500, 500])',
      /no memory for a tensor of 6000000000 bytes/,
    ],
    // Before it runs: 20000 x 20000 values for a unit.
    [
      'for what is computed of a picture',
      'explain(1, 1, [20000, 20000])',
      /holds at least 1\.6 GB of tensors/,
    ],
  ])('%s is an error, and the process goes on', (_, action, message) => {
    const script = PRELUDE.replace('ACTION', action);
    const { status, signal, stdout, stderr } = limited(['--input-type=module', '-e', script]);
    expect([status, signal], stderr).toEqual([0, null]);
    const outcome = ['ResourceError', 'RESOURCE_EXHAUSTED', expect.stringMatching(message)];
    expect(JSON.parse(stdout)).toEqual({ outcome, same: true });
  });

  test('is not what the command line needs to begin with', () => {
    const out = join(scratch, 'maps');
    const { status, stdout, stderr } = limited([
      ...[MAIN, 'explain', '--model', `${DEMO}/model`, '--images', `${DEMO}/images/01*`, '--out', out],
    ]);
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('1 of 1 pictures explained.');
  });
});

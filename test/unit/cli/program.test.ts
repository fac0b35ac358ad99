import { describe, expect, test } from 'vitest';
import { describeError, exitCodeOf, UsageError } from '../../../lib/cli/shared/failure.js';
import { ResourceError } from '../../../lib/support/errors.js';
import { runCli } from './support.js';

const COMMANDS = [
  'explain',
  'predict',
  'layers',
  'convert',
  'bench',
  'doctor',
  'install-tensorflow',
  'build',
];

describe('command line', () => {
  test('help has examples and ends with 0', async () => {
    const { code, out } = await runCli('explain', '--help');
    expect(code).toBe(0);
    expect(out).toContain('Usage: keras-explainable explain');
    expect(out).toContain('Examples:');
    expect((await runCli('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each(COMMANDS)('%s --help has examples and exit codes, and is in the overview', async (name) => {
    const { code, out } = await runCli(name, '--help');
    expect(code).toBe(0);
    expect(out).toContain(`Usage: keras-explainable ${name}`);
    expect(out).toMatch(/^Examples:$/m);
    expect(out).toContain(`keras-explainable ${name}`);
    expect(out).toMatch(/^Exit codes: 0 /m);
    expect((await runCli('--help')).out).toMatch(new RegExp(`^  ${name}[ \\n]`, 'm'));
  });

  test.each([
    [[], 'Usage:'],
    [['explian'], "unknown command 'explian'"],
    [['explain'], "required option '--model <path>'"],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--modell', 'x'],
      "unknown option '--modell'",
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--method', 'gradcm'],
      "Did you mean 'gradcam'?",
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--method', 'gradcam_smoth'],
      "Did you mean 'gradcam_smooth'?",
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--scales', '2'],
      '--scales: gradcam does not take it',
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--method', 'gradients', '--layer', 'l'],
      '--layer: gradients explains by the input and takes no layer.',
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--alpha', '2'],
      'Expected a number from 0 to 1.',
    ],
    [['explain', '--model', 'm', '--images', 'no-such-*.png', '--out', 'o'], '--images: no file matches'],
    [['install-tensorflow', '--variant', 'tpu'], 'Expected one of: cpu, gpu.'],
    [['predict', '--model', 'm'], 'Expected either --images or --inputs'],
    [
      ['predict', '--model', 'm', '--images', 'x', '--inputs', 'x.npy'],
      'Expected either --images or --inputs',
    ],
    [['predict', '--model', 'm', '--inputs', 'x.npy', '--size', '8'], '--size: it goes with --images'],
    [['predict', '--model', 'm', '--inputs', 'x.npy', '--preprocess', 'tf'], '--preprocess: it goes with'],
    [['predict', '--model', 'm', '--inputs', 'x.txt'], "expected a .npy or .npz file, received 'x.txt'"],
    [['predict', '--model', 'm', '--images', 'x', '--preprocess', 'tff'], "Did you mean 'tf'?"],
    [['predict', '--model', 'm', '--images', 'x', '--top', '0'], 'of at least 1'],
    [['layers'], "required option '--model <path>'"],
    [['layers', '--model', 'm', '--filtre', 'x'], 'Did you mean --filter?'],
    [['bench', '--model', 'm', '--method', 'all'], 'Expected one of: cam,'],
    [['bench', '--model', 'm', '--batch-size', '1,,2'], 'Expected batch sizes'],
    [['bench', '--model', 'm', '--seconds', '0'], 'Expected seconds, above 0'],
    [['bench', '--model', 'm', '--threads', '0'], 'from 1 to 1024'],
    [['bench', '--model', 'm', '--method', 'gradients', '--layer', 'l'], 'takes no layer'],
    [['doctor', 'all'], 'too many arguments'],
    [['build', '--fast'], "unknown option '--fast'"],
  ])('wrong arguments end with 2 and one message: %j', async (args, message) => {
    const { code, err } = await runCli(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err).not.toMatch(/^\s+at /m);
  });

  test('no colour if the output is not a terminal', async () => {
    const { err } = await runCli('explain', '--model', 'm', '--images', 'no-such-*.png', '--out', 'o');
    expect(err).not.toContain('\u001b');
  });
});

describe('failures', () => {
  test('wrong arguments end with 2, all else with 1', () => {
    expect(exitCodeOf(new UsageError('x'))).toBe(2);
    expect(exitCodeOf(new Error('x'))).toBe(1);
    expect(exitCodeOf('x')).toBe(1);
  });

  test("the advice about missing memory precedes TensorFlow's message", () => {
    const said = 'OOM when allocating tensor with shape[1]\n\t [[node]]\nHint: if you want ...';
    const error = new ResourceError('RESOURCE_EXHAUSTED', said);
    expect(describeError(error, false)).toMatch(
      /^There is not enough memory\. Choose a smaller --batch-size/,
    );
    expect(describeError(error, false)).toMatch(/\(OOM when allocating tensor with shape\[1\]\)$/);
    expect(describeError(error, true)).toMatch(/^\s+at /m);
  });
});

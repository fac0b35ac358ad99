/** Models of both Kerases whose import or gradient once failed, compared with TensorFlow in Python. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { expectAsInPython, pathOf } from './imported.js';

describe.each(['keras2', 'keras3'])('%s', (keras) => {
  describe.each([false, true])('with runEagerly %s', (runEagerly) => {
    it.each(['scalar_weight', 'attention_scale', 'tf1_variables', 'scalar_input', 'tf1_switches'])(
      'computes and differentiates %s',
      async (name) => {
        await expectAsInPython(`${keras}/${name}`, { runEagerly });
      },
    );
  });

  describe.each([false, true])('with runEagerly %s, by the gradient function of the file', (runEagerly) => {
    it.each([
      'straight_through',
      'gradient_reversal',
      'gradient_of_variable',
      'gradient_called_twice',
      'swish_gradient',
      ...(keras === 'keras3' ? ['int8_layers'] : []),
    ])('differentiates %s', async (name) => {
      await expectAsInPython(`${keras}/${name}`, { runEagerly });
    });
  });

  describe.each([false, true])('with runEagerly %s', (runEagerly) => {
    it.each(['integer_lookup', 'lookup_tables'])('computes %s by the tables of the file', async (name) => {
      await expectAsInPython(`${keras}/${name}`, { runEagerly });
    });
  });

  it('warns once of a custom gradient that the file does not hold', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error & { readonly code?: string }) => {
      if (warning.code === 'MODEL_FILE') warnings.push(warning);
    };
    process.on('warning', note);
    await expectAsInPython(`${keras}/gradient_left_out`);
    await new Promise(setImmediate);
    process.off('warning', note);
    expect(warnings.map(({ name, message }) => `${name}: ${message}`)).toEqual([
      expect.stringMatching(/^KerasExplainableWarning: .*gradient_left_out.* custom gradient .*'IdentityN'/),
    ]);
  });

  describe('the outputs of a signature', () => {
    const model = pathOf(`${keras}/string_output`);

    it('leave out strings beside numbers', async () => {
      await expectAsInPython(`${keras}/string_output`);
      const loaded = await ke.loadModel(model);
      expect(loaded.outputs.map(({ name }) => name)).toEqual(['logits', 'probabilities']);
      loaded.close();
    });

    it('are those that `outputs` names, in its order', async () => {
      const outputs = ['probabilities', 'label', 'logits'];
      const loaded = await ke.loadModel(model, { outputs });
      expect(loaded.outputs.map(({ name, dtype }) => `${name}: ${dtype}`)).toEqual([
        'probabilities: float32',
        'label: string',
        'logits: float32',
      ]);
      loaded.close();
      await expectAsInPython(`${keras}/string_output`, { outputs: ['logits'] });
    });

    it.each([
      [{ outputs: ['logit'] }, 'NOT_FOUND', /has no output 'logit'.*'label', 'logits', 'probabilities'/],
      [{ outputs: ['logits', 'logits'] }, 'INVALID_ARGUMENT', /`outputs` names the output 'logits' twice/],
      [
        { inputs: ['image'] },
        'NOT_FOUND',
        /has no input 'image', which the option `inputs` names; it has: 'x'/,
      ],
    ] as const)('are refused for %j', async (options, code, message) => {
      await expect(ke.loadModel(model, options)).rejects.toMatchObject({
        name: 'ModelError',
        code,
        message: expect.stringMatching(message),
      });
    });
  });
});

describe('random layers of Keras 3, which change their seeds', () => {
  it('are refused with the export that has none', async () => {
    await expect(ke.loadModel(pathOf('keras3/random_layers'))).rejects.toMatchObject({
      name: 'UnsupportedOpError',
      message: expect.stringMatching(
        /AssignVariableOp.*archive = keras\.export\.ExportArchive\(\).*lambda x: model\(x, training=False\)/,
      ),
    });
  });

  it('are explained where that export was made', async () => {
    await expectAsInPython('keras3/random_layers_inference');
  });
});

it('variables that Git left in Git LFS are named as that', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'ke-lfs-'));
  try {
    await cp(pathOf('keras3/scalar_weight'), folder, { recursive: true });
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n';
    for (const file of ['variables.data-00000-of-00001', 'variables.index']) {
      await writeFile(path.join(folder, 'variables', file), pointer);
      await expect(ke.loadModel(folder)).rejects.toMatchObject({
        code: 'UNIMPLEMENTED',
        message: expect.stringMatching(new RegExp(`${file} is a Git LFS pointer.*git lfs pull`)),
      });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

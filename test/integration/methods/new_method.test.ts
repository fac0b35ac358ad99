/** A method that is described in one file: its invariants hold, and the command line explains by it. */
import { mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explainCommand } from '../../../lib/cli/explain/command.js';
import { MethodVocabulary } from '../../../lib/cli/shared/methods/vocabulary.js';
import * as ke from '../../../lib/index.js';
import { BUILT_IN } from '../../../lib/methods/built_in.js';
import { memoryTerminal } from '../../unit/cli/support.js';
import { INPUT_X_GRADIENT, inputXGradient } from '../../unit/methods/input_x_gradient.js';
import { describeInvariants } from '../helpers/invariants.js';
import { invariantMethods } from '../helpers/method_list.js';
import { tinyModel, tinySamples, UNITS } from '../helpers/tiny_reference.js';

const LIST = { ...BUILT_IN, methods: [...BUILT_IN.methods, INPUT_X_GRADIENT] };

describe('a method described in one file', () => {
  let model: ke.Model;
  const x = tinySamples();
  beforeAll(async () => {
    model = await ke.loadModel(tinyModel('keras3'), { threads: { interOp: 2 } });
  });
  afterAll(() => model?.close());

  const explain = (method: ke.AnyMethod, y: number[][] | null = UNITS, options: object = {}, inputs = x) =>
    ke.explain(method as ke.Method, model, inputs, y, { resizing: false, verbose: 0, ...options });
  const added = Object.entries(invariantMethods(LIST)).filter(([name]) => !(name in invariantMethods()));
  describeInvariants(Object.fromEntries(added), explain, () => x);

  test('has its parameters checked before anything runs', async () => {
    const begun: unknown[] = [];
    const callbacks = [{ onPredictBegin: () => void begun.push(1) }];
    const refused = (options: object) =>
      expect(explain(inputXGradient, UNITS, { callbacks, ...options })).rejects;
    await refused({ powr: 2 }).toThrow('Misspelled option "powr" should be "power".');
    await refused({ power: 10 }).toThrow(RangeError);
    await refused({ power: '2' }).toThrow(TypeError);
    expect(begun).toEqual([]);
  });
});

test('the command line explains by a method described in one file, with its flag', async () => {
  const out = mkdtempSync(join(tmpdir(), 'ke-new-'));
  const terminal = memoryTerminal();
  const codes: number[] = [];
  const command = explainCommand(terminal, (code) => codes.push(code), new MethodVocabulary(LIST));
  const given = ['--model', 'demo/model', '--images', 'demo/images/04-*.png', '--out', out, '--json'];
  try {
    await command.parseAsync([...given, '--method', 'inputXGradient', '--power', '2'], { from: 'user' });
    expect(codes).toEqual([0]);
    expect(readdirSync(join(out, 'images')).filter((name) => name.includes('unit-'))).toHaveLength(1);
    expect(JSON.parse(terminal.text().out.trim().split('\n')[0] as string)).toMatchObject({
      type: 'picture',
    });
  } finally {
    await rm(out, { recursive: true, force: true });
  }
});

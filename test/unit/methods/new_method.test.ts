/** A method that is described in one file is found by everything that is derived from descriptors. */
import { describe, expect, test } from 'vitest';
import { explainCommand } from '../../../lib/cli/explain/command.js';
import {
  MethodVocabulary,
  type NamedMethod,
  VOCABULARY,
} from '../../../lib/cli/shared/methods/vocabulary.js';
import { shortcut } from '../../../lib/engine/shortcuts.js';
import { BUILT_IN } from '../../../lib/methods/built_in.js';
import type { MethodList } from '../../../lib/methods/descriptor.js';
import { smooth } from '../../../lib/methods/meta/index.js';
import { blocksOf } from '../../../scripts/docs-tables.mjs';
import { invariantMethods, withoutReference } from '../../integration/helpers/method_list.js';
import { memoryTerminal } from '../cli/support.js';
import { INPUT_X_GRADIENT, inputXGradient } from './input_x_gradient.js';

const LIST: MethodList = { ...BUILT_IN, methods: [...BUILT_IN.methods, INPUT_X_GRADIENT] };
const vocabulary = new MethodVocabulary(LIST);
const one = (name: string, settings = {}) => vocabulary.build([name], settings, 'none')[0] as NamedMethod;

describe('a method described in one file', () => {
  test('has a name on the command line, and names with meta methods around it', () => {
    expect(vocabulary.names).toEqual([...VOCABULARY.names, 'inputXGradient']);
    expect(vocabulary.parse('input-x-gradient')).toBe('inputXGradient');
    expect(vocabulary.parse('inputXGradient_tta_smooth')).toBe('inputXGradient_tta_smooth');
    expect(() => vocabulary.parse('inputxgradent')).toThrow("Did you mean 'inputXGradient'?");
    expect(vocabulary.compared).toContain('inputXGradient');
  });

  test('has a flag for its parameter, in the help, which other methods do not take', () => {
    const help = explainCommand(memoryTerminal(), () => undefined, vocabulary).helpInformation();
    const [line] = /--power <n>[^-]*/.exec(help) as RegExpExecArray;
    expect(line.replace(/\s+/g, ' ')).toContain(
      'for inputXGradient: the power that the product is raised to (default: 1)',
    );
    expect(help.replace(/\s+/g, ' ')).toContain(
      'fullGradients, inputXGradient; with _smooth or _tta after it',
    );
    expect(one('inputXGradient', { power: 2 }).params).toEqual({ power: 2 });
    expect(() => one('gradcam', { power: 2 })).toThrow(
      '--power: gradcam does not take it; it goes with methods such as inputXGradient.',
    );
    expect(() => one('inputXGradient', { power: 10 })).toThrow('--power: Expected an integer from 1 to 9');
  });

  test('has its filter, its resizing and its passes', () => {
    const { postprocessing, resizing, needsActivations, passes } = one('inputXGradient_smooth', {
      repetitions: 3,
    });
    expect([postprocessing.name, resizing, needsActivations]).toEqual(['absoluteNormalize', false, false]);
    expect(passes({ channels: 9, units: 2 })).toEqual({ forward: 3, backward: 6, backwardTo: 'input' });
    expect(shortcut(inputXGradient).name).toBe('inputXGradient_explain');
  });

  test('is a row of the tables of the docs', () => {
    const blocks = blocksOf(LIST, vocabulary);
    expect(blocks['docs/methods/README.md'].table).toContain(
      '| [`inputXGradient`](input_x_gradient.md) | Σ_c x_c · ∂y/∂x_c | 1 | U, to the input | as it is | ' +
        'signed evidence, pixel by pixel |',
    );
    expect(blocks['docs/methods/README.md'].papers).toContain('https://arxiv.org/abs/1605.01713');
    expect(blocks['docs/cli.md'].flags).toContain(
      '| `--power <n>` | for `inputXGradient`: the power that the product is raised to | 1',
    );
    expect(blocks['README.md'].shortcuts).toContain('`inputXGradient`');
  });

  test('is among the methods whose invariants are tested, and is named as long as it has no reference', () => {
    expect(invariantMethods(LIST).inputXGradient).toBe(inputXGradient);
    const checked = [...BUILT_IN.methods.map(({ method }) => method), smooth(inputXGradient)];
    expect(withoutReference(checked, LIST)).toEqual(['inputXGradient', 'tta']);
  });

  test('is in no list that it was not put in', () => {
    expect(VOCABULARY.names).not.toContain('inputXGradient');
    expect(() => VOCABULARY.parse('inputXGradient')).toThrow('Expected one of');
    expect(Object.keys(invariantMethods())).not.toContain('inputXGradient');
  });
});

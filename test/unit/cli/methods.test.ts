import { describe, expect, test } from 'vitest';
import {
  ALL,
  type MethodSettings,
  type NamedMethod,
  rangedDefault,
  VOCABULARY,
} from '../../../lib/cli/shared/methods/vocabulary.js';
import type { Preprocessing } from '../../../lib/image/preprocess.js';
import { methods } from '../../../lib/index.js';
import { metaDescriptorOf } from '../../../lib/methods/descriptor.js';
import type { ParameterFacts } from '../../../lib/methods/parameters.js';

const { names: METHOD_NAMES, compared: COMPARED_NAMES, parse: methodName } = VOCABULARY;
const { parseSingle: singleMethodName } = VOCABULARY;
const methodsOf = (names: readonly string[], settings: MethodSettings, preprocess: Preprocessing) =>
  VOCABULARY.build(names, settings, preprocess);
const noise = metaDescriptorOf(methods.meta.smooth)?.parameters.noise as ParameterFacts;
const noiseFor = (preprocess: Preprocessing) => rangedDefault(noise, preprocess);

describe('methods', () => {
  const one = (name: string, settings: MethodSettings = {}) =>
    methodsOf([name], settings, 'none')[0] as NamedMethod;

  test('every method of the groups is there, under its own name', () => {
    expect(METHOD_NAMES).toEqual(
      [...methods.cams.METHODS, ...methods.gradient.METHODS].map((method) => method.name),
    );
    expect(METHOD_NAMES).toEqual(['cam', 'gradcam', 'gradcampp', 'scorecam', 'gradients', 'fullGradients']);
    for (const name of METHOD_NAMES) expect([one(name).name, one(name).method.name]).toEqual([name, name]);
    expect(COMPARED_NAMES.map(methodName)).toEqual(COMPARED_NAMES);
  });

  test('names are taken as functions and as commands are named, meta methods after them', () => {
    expect(methodName('fullGradients')).toBe('fullGradients');
    expect(methodName('full-gradients')).toBe('fullGradients');
    expect(methodName('full_gradients_tta')).toBe('fullGradients_tta');
    expect(methodName('gradcam-smooth')).toBe('gradcam_smooth');
    expect(methodName('all')).toBe(ALL);
    expect(() => singleMethodName('all')).toThrow(/as gradcam_smooth\./);
  });

  test('meta methods stand around one another in the order of the name', () => {
    const { method, name } = one('gradcam_smooth_tta');
    expect([name, method.name]).toEqual(['gradcam_smooth_tta', 'gradcam_smooth_tta']);
    expect(one('gradcam_tta_smooth').method.name).toBe('gradcam_tta_smooth');
  });

  test.each([
    ['gradcm', "Did you mean 'gradcam'?"],
    ['gradcam_smoth', "Did you mean 'gradcam_smooth'?"],
    ['fullgradient', "Did you mean 'fullGradients'?"],
    ['al', "Did you mean 'all'?"],
    ['smooth', 'one of them with _smooth or _tta after it'],
    ['zzzzzzzz', 'Expected one of: cam, gradcam,'],
    ['gradcam_smooth_tta_smooth', 'Expected one of: cam, gradcam,'],
    ['', 'Expected one of: cam, gradcam,'],
  ])('%j is no method', (name, message) => {
    expect(() => methodName(name)).toThrow(message);
  });

  test('each has the filter, the resizing and the model requirements of its shortcut', () => {
    const facts = METHOD_NAMES.map((name) => {
      const { postprocessing, resizing, needsActivations } = one(`${name}_smooth`);
      return [name, postprocessing.name, resizing, needsActivations];
    });
    expect(facts).toEqual([
      ['cam', 'positiveNormalize', true, true],
      ['gradcam', 'positiveNormalize', true, true],
      ['gradcampp', 'positiveNormalize', true, true],
      ['scorecam', 'positiveNormalize', false, true],
      ['gradients', 'normalize', false, false],
      ['fullGradients', 'normalize', false, false],
    ]);
  });

  test('passes follow from the method, its settings, the channels and the units', () => {
    const sizes = { channels: 96, units: 3 };
    const passes = (name: string, settings: MethodSettings = {}) => {
      const { forward, backward, backwardTo } = one(name, settings).passes(sizes);
      return [forward, backward, backwardTo];
    };
    expect(passes('cam')).toEqual([1, 0, 'activations']);
    expect(passes('gradcam')).toEqual([1, 3, 'activations']);
    expect(passes('fullGradients')).toEqual([1, 3, 'input']);
    expect(passes('scorecam')).toEqual([97, 0, 'activations']);
    expect(passes('scorecam', { maxChannels: 10 })).toEqual([11, 0, 'activations']);
    expect(passes('scorecam', { maxChannels: 200 })).toEqual([97, 0, 'activations']);
    expect(passes('gradients_smooth')).toEqual([20, 60, 'input']);
    expect(passes('gradients_smooth', { repetitions: 4 })).toEqual([4, 12, 'input']);
    // The picture and three scales, each also mirrored.
    expect(passes('gradcam_tta')).toEqual([8, 24, 'activations']);
    expect(passes('gradcam_smooth_tta', { repetitions: 4, scales: [] })).toEqual([8, 24, 'activations']);
  });

  test('a setting that the method does not take is refused, with one that does', () => {
    expect(() => one('gradcam', { repetitions: 3 })).toThrow(
      '--repetitions: gradcam does not take it; it goes with methods such as gradcam_smooth.',
    );
    expect(() => one('gradcam_smooth', { scales: [2] })).toThrow('--scales: gradcam_smooth');
    expect(() => one('gradcam_tta', { noise: 0 })).toThrow('--noise: gradcam_tta');
    expect(() => one('gradients', { maxChannels: 3 })).toThrow('--max-channels: gradients');
    expect(() => one('gradcam', { weighting: 'softmax' })).toThrow('--weighting: gradcam');
    expect(one('scorecam', { maxChannels: 3, weighting: 'softmax' }).params).toEqual({
      maxChannels: 3,
      weighting: 'softmax',
    });
    expect(() =>
      methodsOf(COMPARED_NAMES, { repetitions: 3, noise: 1, scales: [2], maxChannels: 3 }, 'tf'),
    ).not.toThrow();
  });

  test('noise is a tenth of the range of preprocessed pixels', () => {
    expect(noiseFor('none')).toBe(25.5);
    expect(noiseFor('unit')).toBe(0.1);
    expect(noiseFor('tf')).toBe(0.2);
  });
});

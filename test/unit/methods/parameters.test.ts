import { describe, expect, test } from 'vitest';
import { MethodVocabulary } from '../../../lib/cli/shared/methods/vocabulary.js';
import * as ke from '../../../lib/index.js';
import { BUILT_IN } from '../../../lib/methods/built_in.js';
import type { MethodDescriptor } from '../../../lib/methods/descriptor.js';
import type { ParameterFacts } from '../../../lib/methods/parameters.js';
import { runCli } from '../cli/support.js';

const { describeMethod, descriptorOf, parameters: p } = ke.methods;
const bare = { summary: 'what it does', defaultText: 'none' } as const;

describe('a parameter', () => {
  const filter = p.callable<ke.Filter>({ ...bare, mend: 'Pass a filter.' });
  test.each<[string, ParameterFacts, unknown[], [unknown, ErrorConstructor, string][]]>([
    [
      'integer',
      p.integer({ ...bare, least: -1, most: 9 }),
      [-1, 0, 9],
      [
        [10, RangeError, 'an integer from -1 to 9'],
        [0.5, RangeError, 'an integer'],
        ['1', TypeError, 'an integer'],
      ],
    ],
    [
      'number',
      p.number({ ...bare, above: 0, most: 2 }),
      [1e-9, 2],
      [
        [0, RangeError, 'a finite number above 0 and at most 2'],
        [Number.NaN, RangeError, 'NaN'],
        [null, TypeError, 'a number'],
      ],
    ],
    ['boolean', p.boolean(bare), [true, false], [[1, TypeError, 'true or false']]],
    [
      'choice',
      p.choice(['a', 'b'], bare),
      ['a', 'b'],
      [
        ['c', RangeError, "'a' or 'b'"],
        [3, RangeError, "'a' or 'b'"],
      ],
    ],
    [
      'integers',
      p.integers({ ...bare, least: 1 }),
      [[], [1, 2]],
      [
        [[1, 0], RangeError, '`x[1]`'],
        [3, TypeError, 'an array of integers'],
      ],
    ],
    [
      'numbers',
      p.numbers({ ...bare, above: 0 }),
      [[], [0.5]],
      [
        [[1, 0], RangeError, '`x[1]`'],
        [['1'], TypeError, '`x[0]`'],
        ['1', TypeError, 'an array of numbers'],
        [new Array(2 ** 32 - 1), RangeError, 'at most 65536 numbers'],
      ],
    ],
    ['layer', p.layer(bare), ['a', ['a', 'b']], [[7, TypeError, "a layer's name"]]],
    ['function', filter, [ke.filters.normalize], [['abs', TypeError, 'Pass a filter.']]],
    ['tensor', p.tensor(bare), [ke.tensor([1], [1])], [[3, TypeError, 'a tensor']]],
    ['tensors', p.tensors(bare), [[], [ke.tensor([1], [1])]], [[3, TypeError, 'an array of tensors']]],
  ])('of kind %s takes its values and refuses others', (kind, parameter, taken, refused) => {
    expect(parameter.kind).toBe(kind);
    for (const value of taken) expect(() => parameter.check('x', value)).not.toThrow();
    for (const [value, type, message] of refused) {
      expect(() => parameter.check('x', value)).toThrow(type);
      expect(() => parameter.check('x', value)).toThrow(message);
    }
  });

  test('is missing for undefined, and for null if it has no default', () => {
    const table = {
      most: p.integer(bare),
      power: p.integer({ summary: '', default: 2 }),
      needed: p.required(p.integer(bare)),
    };
    expect(p.readParameters(table, { needed: 1 })).toEqual({ most: undefined, power: 2, needed: 1 });
    expect(p.readParameters(table, { most: null, needed: 1 })).toEqual({
      most: undefined,
      power: 2,
      needed: 1,
    });
    expect(() => p.readParameters(table, { power: null, needed: 1 })).toThrow('`power`');
    expect(() => p.readParameters(table, {})).toThrow('`needed`');
  });
});

describe('flags of parameters', () => {
  const described = (
    name: string,
    parameters: Readonly<Record<string, ParameterFacts>>,
  ): MethodDescriptor => {
    const method = Object.defineProperty(() => ({}) as never, 'name', { value: name });
    return describeMethod(method, {
      group: 'own',
      needs: [],
      maps: { size: 'input', channels: 'sum' },
      postprocessing: ke.filters.normalize,
      parameters: parameters as never,
      passes: () => ({ forward: 1, backward: 0, backwardTo: 'input' }),
      formula: '',
      take: '',
      paper: null,
      equals: null,
    });
  };
  const vocabularyOf = (...methods: MethodDescriptor[]) => new MethodVocabulary({ methods, metas: [] });

  test('one flag serves all methods that take the parameter, each within its own bounds', () => {
    const vocabulary = vocabularyOf(
      described('first', { steps: p.integer({ summary: 'steps', default: 50, least: 1, most: 100 }) }),
      described('second', { steps: p.integer({ summary: 'steps', default: 200, least: 2 }) }),
    );
    expect(vocabulary.flags).toMatchObject([{ parameter: 'steps', usage: '--steps <n>' }]);
    expect(vocabulary.flags[0]?.meanings).toEqual([
      { names: ['first'], summary: 'steps', default: '50' },
      { names: ['second'], summary: 'steps', default: '200' },
    ]);
    expect(() => vocabulary.build(['first'], { steps: 101 }, 'none')).toThrow(
      '--steps: Expected an integer from 1 to 100',
    );
    expect(() => vocabulary.build(['second'], { steps: 101 }, 'none')).not.toThrow();
  });

  test('a parameter of two kinds is refused', () => {
    const methods = [
      described('first', { steps: p.integer({ summary: '', default: 1 }) }),
      described('second', { steps: p.boolean({ summary: '', default: true }) }),
    ];
    expect(() => vocabularyOf(...methods)).toThrow('of kind integer in first, but of kind boolean in second');
  });

  test('parameters that cannot be text, or set flag: false, have no flag', () => {
    const { flags } = vocabularyOf(
      described('first', {
        psi: p.callable(bare),
        data: p.tensor(bare),
        size: p.integer({ ...bare, flag: false }),
      }),
    );
    expect(flags).toEqual([]);
  });

  test('a default of the input range follows --preprocess', () => {
    const vocabulary = vocabularyOf(
      described('first', { width: p.number({ summary: '', default: 0.5, timesInputRange: true }) }),
    );
    expect(vocabulary.build(['first'], {}, 'tf')[0]?.params).toEqual({ width: 1 });
    expect(vocabulary.build(['first'], { width: 3 }, 'tf')[0]?.params).toEqual({ width: 3 });
  });

  test.each([
    [
      ['--method', 'gradcam_tta', '--resize-method', 'cubic'],
      'Expected one of: bilinear, nearest, bicubic, area.',
    ],
    [['--method', 'gradcam_smooth', '--seed', '-2147483649'], 'from -2147483648 to 2147483647'],
    [['--method', 'gradcam', '--no-hflip'], '--no-hflip: gradcam does not take it'],
    [['--method', 'gradcam', '--logits-layer', 'a/b'], 'it goes with methods such as cam.'],
    // Taken: what fails is the model, which is not there.
    [['--method', 'gradcam_tta', '--no-hflip'], '--images: no file matches'],
    [['--method', 'gradcam_smooth', '--seed', '-3'], '--images: no file matches'],
  ])('explain %j', async (args, message) => {
    const { code, err } = await runCli(
      'explain',
      '--model',
      'm',
      '--images',
      'no-*.png',
      '--out',
      'o',
      ...args,
    );
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe('a description', () => {
  const whole = {
    group: 'own',
    needs: [],
    maps: { size: 'input', channels: 'sum' },
    parameters: {},
    passes: () => ({ forward: 1, backward: 0, backwardTo: 'input' }),
  };
  test.each([
    ['no method', 3, whole, '`method`'],
    ['no object', () => 0, null, '`description`'],
    ['no passes', () => 0, { ...whole, passes: undefined }, '`description.passes`'],
    ['needs that are no list', () => 0, { ...whole, needs: 'gradients' }, '`description.needs`'],
    ['no maps', () => 0, { ...whole, maps: undefined }, '`description.maps`'],
    ['no parameters', () => 0, { ...whole, parameters: undefined }, '`description.parameters`'],
    [
      'a parameter of its own making',
      () => 0,
      { ...whole, parameters: { a: 3 } },
      '`description.parameters.a`',
    ],
  ])('is refused: %s', (_, method, description, message) => {
    expect(() => describeMethod(method as never, description as never)).toThrow(message);
    expect(descriptorOf(method as never)).toBeUndefined();
  });

  test('of a parameter is refused if it is empty', () => {
    const { integer, number, boolean, choice, integers, numbers, layer, callable, tensor, tensors } = p;
    const makers = [integer, number, boolean, integers, numbers, layer, callable, tensor, tensors];
    for (const make of makers as readonly ((options: unknown) => unknown)[]) {
      expect(() => make(undefined)).toThrow('argument `options`');
      expect(() => make({})).toThrow('argument `options.summary`');
    }
    expect(() => choice('ab' as never, bare)).toThrow('argument `choices`');
    expect(() => choice(['a', 'b'], undefined as never)).toThrow('argument `options`');
  });
});

describe('passes', () => {
  test('of a method that meta methods stand around are those of all', () => {
    const { smooth, tta } = ke.methods.meta;
    const twice = descriptorOf(
      tta(smooth(ke.methods.cams.scorecam, { repetitions: 3 }), { scales: [2], hflip: false }),
    );
    expect(twice?.name).toBe('scorecam_smooth_tta');
    expect(twice?.passes({ channels: 9, units: 2 }, { maxChannels: 4 })).toEqual({
      forward: 5 * 3 * 2,
      backward: 0,
      backwardTo: 'activations',
    });
    expect(descriptorOf(smooth(() => ({}) as never))).toBeUndefined();
  });

  test('of every built-in method are counts', () => {
    for (const { name, passes } of BUILT_IN.methods) {
      const { forward, backward } = passes({ channels: 8, units: 2 });
      expect([name, Number.isInteger(forward), Number.isInteger(backward)]).toEqual([name, true, true]);
    }
  });
});

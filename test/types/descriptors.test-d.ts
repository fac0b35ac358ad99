import { describe, expectTypeOf, it } from 'vitest';
import * as ke from '../../lib/index.js';
import type { ParameterTable } from '../../lib/methods/parameters.js';

const { describeMethod, parameters } = ke.methods;
const { choice, integer, number, readParameters, required } = parameters;

interface Own {
  readonly power: number;
  readonly mode?: 'sum' | 'mean';
}

declare const method: (args: ke.MethodArguments & Own) => ke.MethodResult;

const power = required(integer({ summary: 'a power', defaultText: '' }));
const mode = choice(['sum', 'mean'], { summary: 'a mode', default: 'sum' });
const rest = {
  group: 'own',
  needs: [],
  maps: { size: 'input', channels: 'sum' },
  postprocessing: ke.filters.normalize,
  passes: () => ({ forward: 1, backward: 0, backwardTo: 'input' as const }),
  formula: '',
  take: '',
  paper: null,
  equals: null,
} as const;

describe('a description', () => {
  it('has the parameters of the method, and no others', () => {
    describeMethod(method, { ...rest, parameters: { power, mode } });
    // @ts-expect-error `mode` is missing
    describeMethod(method, { ...rest, parameters: { power } });
    // @ts-expect-error the method has no `steps`
    describeMethod(method, { ...rest, parameters: { power, mode, steps: mode } });
    // @ts-expect-error the method requires `power`
    describeMethod(method, { ...rest, parameters: { power: integer({ summary: '', default: 2 }), mode } });
    // @ts-expect-error the method does not require `mode`
    describeMethod(method, { ...rest, parameters: { power, mode: required(mode) } });
  });

  it('has parameters of the types of the method, neither wider nor narrower', () => {
    const narrower = choice(['sum'], { summary: '', default: 'sum' });
    // @ts-expect-error the method takes 'mean', too
    describeMethod(method, { ...rest, parameters: { power, mode: narrower } });
    const wider = choice(['sum', 'mean', 'max'], { summary: '', default: 'sum' });
    // @ts-expect-error the method does not take 'max'
    describeMethod(method, { ...rest, parameters: { power, mode: wider } });
    // @ts-expect-error a number is none of the modes
    describeMethod(method, { ...rest, parameters: { power, mode: number({ summary: '', default: 2 }) } });
    // @ts-expect-error a table lacks `mode`
    ({ power }) satisfies ParameterTable<Own>;
  });

  it('tells passes of the values, defaults filled in', () => {
    describeMethod(method, {
      ...rest,
      parameters: { power, mode },
      passes: ({ units }, values) => {
        expectTypeOf(values.power).toEqualTypeOf<number>();
        expectTypeOf(values.mode).toEqualTypeOf<'sum' | 'mean'>();
        return { forward: values.power, backward: units, backwardTo: 'input' };
      },
    });
  });
});

describe('readParameters', () => {
  it('gives what is left out by its default, or undefined', () => {
    const most = integer({ summary: '', defaultText: 'all' });
    const values = readParameters({ power, mode, most }, { power: 2 });
    expectTypeOf(values.power).toEqualTypeOf<number>();
    expectTypeOf(values.mode).toEqualTypeOf<'sum' | 'mean'>();
    expectTypeOf(values.most).toEqualTypeOf<number | undefined>();
  });
});

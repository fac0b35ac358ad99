/**
 * The parameters of a method as data: type, bounds, default and one line of text each. Checks, flags of the command
 * line, tables of the docs and forms are derived from this data.
 *
 * @module
 */
import { isLayerName, LAYER_NAME, type LayerName } from '../inspection/layers.js';
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkIntegers,
  checkIsObject,
  listOf,
  outOfRange,
  refused,
  wrongType,
} from '../support/arguments.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Bounds, boundsText, isWithin } from './bounds.js';

export type { Bounds } from './bounds.js';

/** The kind of a parameter's values. */
export type ParameterKind =
  | 'integer'
  | 'number'
  | 'boolean'
  | 'choice'
  | 'integers'
  | 'numbers'
  | 'layer'
  | 'function'
  | 'tensor'
  | 'tensors';

/** A parameter with values of any type. */
export interface ParameterFacts extends Bounds {
  readonly kind: ParameterKind;
  /** The purpose of the parameter, in one line. */
  readonly summary: string;
  /** The expected value, in the words of an error message. */
  readonly expected: string;
  readonly required: boolean;
  readonly default?: unknown;
  /** The default in words. Empty if the parameter is required. */
  readonly defaultText: string;
  /** The allowed values of a choice. */
  readonly choices?: readonly string[];
  /** Whether the default is multiplied by the range of the input. A range from 0 to 1 leaves the default unchanged. */
  readonly timesInputRange: boolean;
  /** Whether the command line has a flag for the parameter. */
  readonly flag: boolean;
  /** Throws TypeError or RangeError for an invalid value. */
  check(name: string, value: unknown): void;
}

declare const TYPE: unique symbol;

/** A parameter whose values are of type `T`. */
export interface Parameter<T> extends ParameterFacts {
  readonly default?: T;
  /** Never set. This property makes the compiler refuse a wider or a narrower `T`. */
  readonly [TYPE]?: (value: T) => T;
}

/** An optional parameter without a default value. */
export interface OptionalParameter<T> extends Parameter<T> {
  readonly required: false;
  readonly default?: never;
}

export interface DefaultedParameter<T> extends Parameter<T> {
  readonly required: false;
  readonly default: T;
}

export interface RequiredParameter<T> extends Parameter<T> {
  readonly required: true;
  readonly default?: never;
}

/** A parameter for every property of `P`. The compiler refuses missing parameters and parameters of another type. */
export type ParameterTable<P> = {
  readonly [K in keyof P]-?: object extends Pick<P, K>
    ? OptionalParameter<Exclude<P[K], undefined>> | DefaultedParameter<Exclude<P[K], undefined>>
    : RequiredParameter<P[K]>;
};

/** Parameters of any type, by name. */
export type AnyParameters = Readonly<Record<string, ParameterFacts>>;

/** The values of the parameters `T`, including defaults. */
export type ParameterValues<T> = {
  readonly [K in keyof T]: T[K] extends DefaultedParameter<infer V>
    ? V
    : T[K] extends RequiredParameter<infer V>
      ? V
      : T[K] extends OptionalParameter<infer V>
        ? V | undefined
        : never;
};

interface Described {
  /** The purpose of the parameter, in one line. */
  readonly summary: string;
  /** Whether the command line has a flag for the parameter. Default: true if its values can be written as text. */
  readonly flag?: boolean;
}

/** Options of a parameter with a default value. `defaultText` is the default in words, by default `String(default)`. */
export interface WithDefault<T> extends Described {
  readonly default: T;
  readonly defaultText?: string;
}

/** Options of a parameter without a default value. `defaultText` describes the effect of a missing value. */
export interface WithoutDefault extends Described {
  readonly default?: never;
  readonly defaultText: string;
}

type Options<T> = WithDefault<T> | WithoutDefault;

/** Returns a parameter whose values are integers. */
export function integer(options: WithDefault<number> & Bounds): DefaultedParameter<number>;
export function integer(options: WithoutDefault & Bounds): OptionalParameter<number>;
export function integer(options: Options<number> & Bounds): Parameter<number> {
  const { least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER } = checked(options);
  return make<number>('integer', `an integer${boundsText(options)}`, options, (name, value) => {
    checkInteger(name, value, least, most);
  });
}

/**
 * Returns a parameter whose values are finite numbers. `timesInputRange` means that the default is multiplied by the
 * range of the input.
 */
export function number(
  options: WithDefault<number> & Bounds & { readonly timesInputRange?: boolean },
): DefaultedParameter<number>;
export function number(options: WithoutDefault & Bounds): OptionalParameter<number>;
export function number(
  options: Options<number> & Bounds & { readonly timesInputRange?: boolean },
): Parameter<number> {
  const expected = `a finite number${boundsText(checked(options))}`;
  return make<number>('number', expected, options, (name, value) =>
    checkNumber(name, value, expected, options),
  );
}

/** Returns a parameter whose values are true or false. */
export function boolean(options: WithDefault<boolean>): DefaultedParameter<boolean>;
export function boolean(options: WithoutDefault): OptionalParameter<boolean>;
export function boolean(options: Options<boolean>): Parameter<boolean> {
  return make<boolean>('boolean', 'true or false', options, (name, value) => {
    checkBoolean(name, value);
  });
}

/** Returns a parameter whose values are some words. */
export function choice<const V extends string>(
  choices: readonly V[],
  options: WithDefault<NoInfer<V>>,
): DefaultedParameter<V>;
export function choice<const V extends string>(
  choices: readonly V[],
  options: WithoutDefault,
): OptionalParameter<V>;
export function choice<const V extends string>(choices: readonly V[], options: Options<V>): Parameter<V> {
  if (!Array.isArray(choices) || !choices.every((each) => typeof each === 'string')) {
    throw wrongType('choices', 'an array of words', choices);
  }
  const expected =
    choices.length === 2 ? `'${choices[0]}' or '${choices[1]}'` : `one of ${choices.join(', ')}`;
  return make<V>('choice', expected, { ...checked(options), choices }, (name, value) => {
    if (!choices.includes(value as V)) throw outOfRange(name, expected, value);
  });
}

/** Returns a parameter whose values are lists of integers, for example axes or sizes. */
export function integers(
  options: WithDefault<readonly number[]> & Bounds,
): DefaultedParameter<readonly number[]>;
export function integers(options: WithoutDefault & Bounds): OptionalParameter<readonly number[]>;
export function integers(options: Options<readonly number[]> & Bounds): Parameter<readonly number[]> {
  const { least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER } = checked(options);
  return make<readonly number[]>(
    'integers',
    `an array of integers${boundsText(options)}`,
    options,
    (name, value) => {
      for (const [i, each] of checkIntegers(name, value).entries())
        checkInteger(`${name}[${i}]`, each, least, most);
    },
  );
}

/** Returns a parameter whose values are lists of finite numbers. */
export function numbers(
  options: WithDefault<readonly number[]> & Bounds,
): DefaultedParameter<readonly number[]>;
export function numbers(options: WithoutDefault & Bounds): OptionalParameter<readonly number[]>;
export function numbers(options: Options<readonly number[]> & Bounds): Parameter<readonly number[]> {
  const expected = `a finite number${boundsText(checked(options))}`;
  return make<readonly number[]>(
    'numbers',
    `an array of numbers${boundsText(options)}`,
    options,
    (name, value) => {
      if (!Array.isArray(value)) throw wrongType(name, 'an array of numbers', value);
      if (value.length > MOST_NUMBERS) {
        throw refused(name, `at most ${MOST_NUMBERS} numbers`, `${value.length}`);
      }
      for (const [i, each] of listOf<unknown>(value).entries())
        checkNumber(`${name}[${i}]`, each, expected, options);
    },
  );
}

/** Each number costs a pass, or a part of one. */
const MOST_NUMBERS = 2 ** 16;

/** Returns a parameter whose values are names or paths of the model's layers. */
export function layer(options: WithoutDefault): OptionalParameter<LayerName> {
  return make<LayerName>('layer', LAYER_NAME, options, (name, value) => {
    if (!isLayerName(value)) throw wrongType(name, LAYER_NAME, value);
  }) as OptionalParameter<LayerName>;
}

/**
 * Returns a parameter whose values are functions, for example ops or filters. The type argument is the type of the
 * function. `mend` is the advice in an error message.
 */
export function callable<F extends (...args: never) => unknown>(
  options: WithDefault<F> & { readonly defaultText: string; readonly mend?: string },
): DefaultedParameter<F>;
export function callable<F extends (...args: never) => unknown>(
  options: WithoutDefault & { readonly mend?: string },
): OptionalParameter<F>;
export function callable<F extends (...args: never) => unknown>(
  options: Options<F> & { readonly mend?: string },
): Parameter<F> {
  return make<F>('function', 'a function', options, (name, value) =>
    checkFunction(name, value, options.mend),
  );
}

/** Returns a parameter whose values are tensors. The method itself checks their shapes. */
export function tensor(options: WithoutDefault): OptionalParameter<Tensor> {
  const expected = 'a tensor';
  return make<Tensor>('tensor', expected, options, (name, value) => {
    if (typeof value !== 'object' || value === null) throw wrongType(name, expected, value);
  }) as OptionalParameter<Tensor>;
}

/** Returns a parameter whose values are lists of tensors. `expected` describes the list in an error message. */
export function tensors(
  options: WithoutDefault & { readonly expected?: string },
): OptionalParameter<readonly Tensor[]> {
  const { expected = 'an array of tensors' } = checked(options);
  return make<readonly Tensor[]>('tensors', expected, options, (name, value) => {
    if (!Array.isArray(value)) throw wrongType(name, expected, value);
  }) as OptionalParameter<readonly Tensor[]>;
}

/** Returns `parameter` as a required parameter. */
export function required<T>(parameter: OptionalParameter<T>): RequiredParameter<T> {
  return Object.freeze({ ...parameter, required: true, defaultText: '' }) as RequiredParameter<T>;
}

/** Throws TypeError for options that do not describe a parameter. */
function checked<O extends Described>(options: O): O {
  checkIsObject('options', options);
  if (typeof options.summary !== 'string')
    throw wrongType('options.summary', 'a line of text', options.summary);
  return options;
}

/** The kinds of values that can be written on a command line. */
const TEXTUAL: readonly ParameterKind[] = [
  'integer',
  'number',
  'boolean',
  'choice',
  'integers',
  'numbers',
  'layer',
];

function make<T>(
  kind: ParameterKind,
  expected: string,
  options: Options<NoInfer<T>> &
    Bounds & { readonly choices?: readonly string[]; readonly timesInputRange?: boolean },
  check: ParameterFacts['check'],
): Parameter<T> {
  const { summary, defaultText, least, most, above, choices, timesInputRange = false } = checked(options);
  const facts = {
    kind,
    summary,
    expected,
    required: false,
    defaultText: defaultText ?? String(options.default),
    timesInputRange,
    flag: (options.flag ?? true) && TEXTUAL.includes(kind),
    check,
  };
  const given = Object.entries({ default: options.default, least, most, above, choices });
  return Object.freeze({ ...facts, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) });
}

function checkNumber(name: string, value: unknown, expected: string, bounds: Bounds): void {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (!isWithin(value, bounds)) throw outOfRange(name, expected, value);
}

/**
 * Returns the checked values of `parameters` in `given`. Missing values have their defaults. null counts as missing if
 * the parameter has no default.
 */
export function readParameters<const T extends AnyParameters>(
  parameters: T,
  given: { readonly [K in keyof T]?: unknown },
): ParameterValues<T> {
  const values = Object.entries(parameters).map(([name, parameter]) => {
    const value: unknown = given[name as keyof T];
    const isLeftOut = value === undefined || (value === null && parameter.default === undefined);
    if (!isLeftOut || parameter.required) parameter.check(name, value);
    return [name, isLeftOut ? parameter.default : value] as const;
  });
  return Object.fromEntries(values) as ParameterValues<T>;
}

import { Option } from 'commander';
import type { MethodList } from '../../../methods/descriptor.js';
import type { ParameterFacts, ParameterKind } from '../../../methods/parameters.js';
import { integer, number, numberList, oneOf } from '../common_options.js';

/** A method or meta method that takes a parameter. */
export interface Taker {
  /** The name of the method. For a meta method, the ending that it appends to a name: `_smooth`. */
  readonly name: string;
  readonly parameter: ParameterFacts;
}

/** The flag of a parameter that one or several methods take. */
export interface Flag {
  /** The parameter's name: `maxChannels`. */
  readonly parameter: string;
  /** The flag on the command line: `--max-channels`. */
  readonly flag: string;
  /** The flag with its value: `--max-channels <n>`. */
  readonly usage: string;
  readonly takers: readonly Taker[];
  /** The meanings of the flag, with the methods of each. */
  readonly meanings: readonly Meaning[];
}

/** The meaning of a parameter in all methods that describe it in the same words. */
export interface Meaning {
  readonly names: readonly string[];
  readonly summary: string;
  /** The default in words. Empty if the parameter is required. */
  readonly default: string;
}

const PLACEHOLDERS: Readonly<Partial<Record<ParameterKind, string>>> = {
  integer: '<n>',
  number: '<number>',
  choice: '<kind>',
  integers: '<list>',
  numbers: '<list>',
  layer: '<name>',
};

/** Returns the flags of all parameters that can be written as text, in the order of the list. */
export function flagsOf({ methods, metas }: MethodList): readonly Flag[] {
  const takers = new Map<string, Taker[]>();
  const described = [
    ...metas.map(({ name, parameters }) => ({ name: `_${name}`, parameters })),
    ...methods.map(({ name, parameters }) => ({ name, parameters })),
  ];
  for (const { name, parameters } of described) {
    for (const [key, parameter] of Object.entries(parameters)) {
      if (parameter.flag) takers.set(key, [...(takers.get(key) ?? []), { name, parameter }]);
    }
  }
  return [...takers].map(([parameter, of]) => flagOf(parameter, of));
}

function flagOf(parameter: string, takers: readonly Taker[]): Flag {
  const [first] = takers as [Taker];
  const other = takers.find((each) => each.parameter.kind !== first.parameter.kind);
  if (other !== undefined) {
    throw new Error(
      `The parameter ${parameter} is of kind ${first.parameter.kind} in ${first.name}, but of kind ` +
        `${other.parameter.kind} in ${other.name}: one flag cannot be both.`,
    );
  }
  const kebab = parameter.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const isNegated = first.parameter.kind === 'boolean' && first.parameter.default === true;
  const flag = isNegated ? `--no-${kebab}` : `--${kebab}`;
  const placeholder = PLACEHOLDERS[first.parameter.kind];
  const usage = placeholder === undefined ? flag : `${flag} ${placeholder}`;
  return { parameter, flag, usage, takers, meanings: meaningsOf(takers) };
}

/** Returns `flag` as an option of a command. */
export function optionOf(flag: Flag): Option {
  const option = new Option(flag.usage, helpOf(flag));
  const parse = parserOf(flag.takers.map(({ parameter }) => parameter));
  return parse === undefined ? option : option.argParser(parse);
}

function meaningsOf(takers: readonly Taker[]): Meaning[] {
  const byText = new Map<string, Meaning>();
  for (const { name, parameter } of takers) {
    const meaning = meaningOf(parameter);
    const key = JSON.stringify(meaning);
    byText.set(key, { ...meaning, names: [...(byText.get(key)?.names ?? []), name] });
  }
  return [...byText.values()];
}

function meaningOf({ kind, summary, defaultText, timesInputRange, default: value }: ParameterFacts) {
  if (kind === 'boolean') return { summary: value === true ? `turns off: ${summary}` : summary, default: '' };
  // A multiple of the input's range depends on the preprocessing of pixels.
  return { summary, default: timesInputRange ? `${defaultText} of the range of --preprocess` : defaultText };
}

function helpOf({ meanings }: Flag): string {
  const texts = meanings.map(({ names, summary, default: text }) => {
    return `for ${names.join(', ')}: ${summary}${text === '' ? '' : ` (default: ${text})`}`;
  });
  return texts.join('; ');
}

/**
 * Returns a parser for every value that any of the methods takes. Each method checks the value again. Returns undefined
 * for a flag without a value.
 */
function parserOf(parameters: readonly ParameterFacts[]): ((text: string) => unknown) | undefined {
  const [{ kind, default: example }] = parameters as [ParameterFacts];
  const bounds = {
    least: widest(parameters, 'least', Math.min),
    most: widest(parameters, 'most', Math.max),
    above: widest(parameters, 'above', Math.min),
  };
  switch (kind) {
    case 'integer':
      return integer(bounds.least ?? Number.MIN_SAFE_INTEGER, bounds.most);
    case 'number':
      return number(bounds);
    case 'choice':
      return oneOf([...new Set(parameters.flatMap(({ choices = [] }) => choices))]);
    case 'numbers':
    case 'integers':
      return numberList(bounds, example === undefined ? '1,2' : String(example));
    case 'layer':
      return (text) => (text.includes('/') ? text.split('/') : text);
    default:
      return undefined;
  }
}

/** Returns the widest of the bounds, or undefined if one of the parameters has no bound. */
function widest(
  parameters: readonly ParameterFacts[],
  bound: 'least' | 'most' | 'above',
  choose: (...values: number[]) => number,
): number | undefined {
  const values = parameters.flatMap((parameter) => parameter[bound] ?? []);
  return values.length < parameters.length ? undefined : choose(...values);
}

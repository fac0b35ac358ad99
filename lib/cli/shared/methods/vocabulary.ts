import { type Command, InvalidArgumentError } from 'commander';
import type { AnyMethod, Filter, Method } from '../../../graph/method.js';
import type { Preprocessing } from '../../../image/preprocess.js';
import { BUILT_IN } from '../../../methods/built_in.js';
import {
  descriptorOf,
  type MetaDescriptor,
  type MethodDescriptor,
  type MethodList,
  type Passes,
  type Sizes,
} from '../../../methods/descriptor.js';
import type { AnyParameters, ParameterFacts } from '../../../methods/parameters.js';
import { nearNames } from '../../../support/arguments.js';
import { UsageError } from '../failure.js';
import { type Flag, flagsOf, optionOf } from './flags.js';

/** What `--method` is given for a comparison of all methods. */
export const ALL = 'all';

/** Parameters that were set on the command line, by their names; what is left out keeps the method's default. */
export type MethodSettings = Readonly<Record<string, unknown>>;

/** A method as the command line knows it. */
export interface NamedMethod {
  /** As `method.name`: `gradcam_smooth`. */
  readonly name: string;
  readonly method: Method;
  /** Parameters of the method itself. */
  readonly params: MethodSettings;
  /** Whether it explains by the activations of a layer, and so needs an exposed model. */
  readonly needsActivations: boolean;
  /** As in the shortcut of that name (`ke.gradcam`). */
  readonly postprocessing: Filter;
  /** As in the shortcut of that name; what gives maps in the input's size does not resize. */
  readonly resizing: boolean;
  /** Sizes that were asked for beside the picture's own, as shares of it. */
  readonly inputScales: readonly number[];
  passes(sizes: Sizes): Passes;
}

/** Meta methods that may stand around one method: more than two multiply the passes without showing more. */
const MOST_METAS = 2;

interface Spelling {
  readonly name: string;
  readonly base: MethodDescriptor;
  /** In the order of the name, innermost first. */
  readonly metas: readonly MetaDescriptor[];
}

function spellings({ methods, metas }: MethodList): Spelling[] {
  let last: Spelling[] = methods.map((base) => ({ name: base.name, base, metas: [] }));
  const all = [...last];
  for (let depth = 1; depth <= MOST_METAS; depth++) {
    last = last.flatMap((inner) =>
      metas.map((each) => ({ ...inner, name: `${inner.name}_${each.name}`, metas: [...inner.metas, each] })),
    );
    all.push(...last);
  }
  return all;
}

/** `fullGradients`, `full-gradients` and `full_gradients` are one name. */
const fold = (name: string) => name.toLowerCase().replace(/[-_]/g, '');

/** The names, flags and settings by which the command line knows a list of methods. */
export class MethodVocabulary {
  /** The methods without a meta method around them. */
  readonly names: readonly string[];
  /** What a comparison of all methods shows: every method, and some of those that meta methods make of them. */
  readonly compared: readonly string[];
  readonly flags: readonly Flag[];
  /** The endings that meta methods give a name: `_smooth or _tta`. */
  readonly endings: string;
  /** A method with a meta method around it: `gradcam_smooth`. */
  readonly #example: string;
  readonly #byName: ReadonlyMap<string, Spelling>;

  constructor(list: MethodList) {
    const { methods, metas } = list;
    this.#byName = new Map(spellings(list).map((each) => [fold(each.name), each]));
    this.names = methods.map(({ name }) => name);
    const wrapped = this.names.flatMap((base) =>
      metas
        .filter(({ comparedAround }) => comparedAround.includes(base))
        .map(({ name }) => `${base}_${name}`),
    );
    this.compared = [...this.names, ...wrapped];
    this.flags = flagsOf(list);
    this.endings = metas.map(({ name }) => `_${name}`).join(' or ');
    this.#example = exampleOf(metas[0]);
  }

  /** Parses `--method` where `all` is one, too. */
  readonly parse = (text: string): string => (text === ALL ? ALL : this.#parseName(text, [ALL]));

  /** Parses `--method`: the name as `method.name` has it. */
  readonly parseSingle = (text: string): string => this.#parseName(text, []);

  /** Gives `command` the flags of the methods' parameters. */
  addFlags(command: Command): Command {
    for (const flag of this.flags) command.addOption(optionOf(flag));
    return command;
  }

  /** What the flags of the methods' parameters were set to: a default of the command line's own is no setting. */
  settingsOf(command: Command): MethodSettings {
    const given = this.flags.filter(({ parameter }) => command.getOptionValueSource(parameter) === 'cli');
    return Object.fromEntries(given.map(({ parameter }) => [parameter, command.getOptionValue(parameter)]));
  }

  /**
   * The methods of these names, which {@link parse} has checked, with `settings` for those that take them.
   *
   * @param preprocess what inputs are made by: defaults that are shares of the input's range depend on it.
   * @throws UsageError for a setting that none of the methods takes.
   */
  build(names: readonly string[], settings: MethodSettings, preprocess: Preprocessing): NamedMethod[] {
    const chosen = names.map((name) => this.#byName.get(fold(name)) as Spelling);
    this.#refuseUnused(chosen, settings);
    return chosen.map((spelling) => this.#build(spelling, settings, preprocess));
  }

  #parseName(text: string, others: readonly string[]): string {
    const found = this.#byName.get(fold(text));
    if (found !== undefined) return found.name;
    const names = [...this.#byName.values()].map(({ name }) => name);
    const [near] = nearNames(text, [...names, ...others], 1);
    const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
    throw new InvalidArgumentError(
      `Expected one of: ${this.names.join(', ')}; one of them with ${this.endings} after it, or both, ` +
        `as ${this.#example}${others.map((each) => `; or ${each}`).join('')}.${hint}`,
    );
  }

  /** A setting that nothing reads would be a misunderstanding that no one notices. */
  #refuseUnused(chosen: readonly Spelling[], settings: MethodSettings): void {
    const taken =
      (parameter: string) =>
      ({ base, metas }: Spelling) =>
        [base, ...metas].some(({ parameters }) => Object.hasOwn(parameters, parameter));
    for (const { parameter, flag } of this.flags) {
      if (settings[parameter] === undefined || chosen.some(taken(parameter))) continue;
      const names = chosen.map((each) => each.name).join(', ');
      const taker = [...this.#byName.values()].find(taken(parameter)) as Spelling;
      const [meta] = taker.metas;
      const example = meta === undefined ? taker.name : exampleOf(meta);
      throw new UsageError(`${flag}: ${names} does not take it; it goes with methods such as ${example}.`);
    }
  }

  #build({ name, base, metas }: Spelling, settings: MethodSettings, preprocess: Preprocessing): NamedMethod {
    const params = this.#settingsFor(base.parameters, settings);
    const method = metas.reduce<AnyMethod>((inner, each) => {
      const options = {
        ...defaultsFor(each.parameters, preprocess),
        ...this.#settingsFor(each.parameters, settings),
      };
      return each.method(inner, options as never);
    }, base.method);
    const { needs, postprocessing, resizing, passes } = descriptorOf(method) as MethodDescriptor;
    return {
      name,
      method: method as Method,
      params: { ...defaultsFor(base.parameters, preprocess), ...params },
      needsActivations: needs.includes('activations'),
      postprocessing,
      resizing,
      inputScales: metas.flatMap((each) => each.inputScales(settings)),
      passes: (sizes) => passes(sizes, params),
    };
  }

  /** Those of the settings that are among the parameters. One parser serves all takers of a flag, so each checks. */
  #settingsFor(parameters: AnyParameters, settings: MethodSettings): MethodSettings {
    const given = Object.entries(settings).filter(
      ([name, value]) => value !== undefined && Object.hasOwn(parameters, name),
    );
    for (const [name, value] of given) {
      try {
        (parameters[name] as ParameterFacts).check(name, value);
      } catch (error) {
        const flag = this.flags.find(({ parameter }) => parameter === name)?.flag ?? name;
        throw new UsageError(`${flag}: ${(error as Error).message}`, { cause: error });
      }
    }
    return Object.fromEntries(given);
  }
}

const exampleOf = (meta: MetaDescriptor | undefined) =>
  meta === undefined ? '' : `${meta.comparedAround[0] ?? 'gradcam'}_${meta.name}`;

/** The width of the range that each `--preprocess` maps pixels to. */
const INPUT_RANGES: Readonly<Record<Preprocessing, number>> = {
  none: 255,
  unit: 1,
  tf: 2,
  torch: 1 / 0.225,
  caffe: 255,
};

/**
 * The default of a parameter that is a share of the input's range, where `preprocess` makes the inputs: the library
 * itself does not know how pixels become inputs.
 */
export function rangedDefault(parameter: ParameterFacts, preprocess: Preprocessing): number {
  return INPUT_RANGES[preprocess] * (parameter.default as number);
}

function defaultsFor(parameters: AnyParameters, preprocess: Preprocessing): MethodSettings {
  const ranged = Object.entries(parameters).filter(([, { timesInputRange }]) => timesInputRange);
  return Object.fromEntries(ranged.map(([name, parameter]) => [name, rangedDefault(parameter, preprocess)]));
}

/** The methods of this package, as the command line knows them. */
export const VOCABULARY = new MethodVocabulary(BUILT_IN);

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

/** The value of `--method` that compares all methods. */
export const ALL = 'all';

/** Parameters that the command line sets, by name. Other parameters keep the method's default. */
export type MethodSettings = Readonly<Record<string, unknown>>;

/** A method on the command line. */
export interface NamedMethod {
  /** The name of the method function, for example `gradcam_smooth`. */
  readonly name: string;
  readonly method: Method;
  /** Parameters of the method itself. */
  readonly params: MethodSettings;
  /** Whether the method needs the activations of a layer, and therefore an exposed model. */
  readonly needsActivations: boolean;
  /** The filter of the shortcut of the same name (`ke.gradcam`). */
  readonly postprocessing: Filter;
  /** Whether the shortcut of the same name resizes maps. Maps of the size of the input are not resized. */
  readonly resizing: boolean;
  /** Further sizes of the picture, as multiples of its size. */
  readonly inputScales: readonly number[];
  passes(sizes: Sizes): Passes;
}

/** The maximum nesting of meta methods. More than two multiply the passes without further insight. */
const MOST_METAS = 2;

interface Spelling {
  readonly name: string;
  readonly base: MethodDescriptor;
  /** The meta methods in the order of the name, innermost first. */
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

/** Normalizes a name: `fullGradients`, `full-gradients` and `full_gradients` are equal. */
const fold = (name: string) => name.toLowerCase().replace(/[-_]/g, '');

/** The names, flags and settings of a list of methods on the command line. */
export class MethodVocabulary {
  /** The methods without a meta method around them. */
  readonly names: readonly string[];
  /** The methods in a comparison of all methods: every method, and some methods inside meta methods. */
  readonly compared: readonly string[];
  readonly flags: readonly Flag[];
  /** The endings that meta methods append to a name: `_smooth or _tta`. */
  readonly endings: string;
  /** The name of a method inside a meta method: `gradcam_smooth`. */
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

  /** Parses `--method`, including `all`. */
  readonly parse = (text: string): string => (text === ALL ? ALL : this.#parseName(text, [ALL]));

  /** Parses `--method` without `all`. Returns the name of the method function. */
  readonly parseSingle = (text: string): string => this.#parseName(text, []);

  /** Adds the flags of the methods' parameters to `command`. */
  addFlags(command: Command): Command {
    for (const flag of this.flags) command.addOption(optionOf(flag));
    return command;
  }

  /** Returns the parameters that flags of the user set. Defaults of the command line do not count. */
  settingsOf(command: Command): MethodSettings {
    const given = this.flags.filter(({ parameter }) => command.getOptionValueSource(parameter) === 'cli');
    return Object.fromEntries(given.map(({ parameter }) => [parameter, command.getOptionValue(parameter)]));
  }

  /**
   * Returns the methods of these names, which {@link parse} has checked. Each receives the `settings` that it takes.
   *
   * @param preprocess the preprocessing of inputs. Defaults that are multiples of the input's range depend on it.
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

  /** Refuses a setting that no method reads, because the user would not notice that it has no effect. */
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

  /** Returns the settings that are in `parameters`, checked again, because one parser serves all methods of a flag. */
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
 * Returns the default of a parameter that is a multiple of the input's range. `preprocess` determines the range, which
 * the library itself does not know.
 */
export function rangedDefault(parameter: ParameterFacts, preprocess: Preprocessing): number {
  return INPUT_RANGES[preprocess] * (parameter.default as number);
}

function defaultsFor(parameters: AnyParameters, preprocess: Preprocessing): MethodSettings {
  const ranged = Object.entries(parameters).filter(([, { timesInputRange }]) => timesInputRange);
  return Object.fromEntries(ranged.map(([name, parameter]) => [name, rangedDefault(parameter, preprocess)]));
}

/** The methods of this package on the command line. */
export const VOCABULARY = new MethodVocabulary(BUILT_IN);

/**
 * What is known of a method: what it needs, what its maps are, its parameters, passes and paper. A descriptor stands in
 * the method's own file; lists of methods, the command line, the docs' tables and the invariants tests are derived from
 * descriptors.
 *
 * @module
 */
import type { AnyMethod, Filter, MethodLike, MethodParameters } from '../graph/method.js';
import { checkFunction, checkIsObject, nameOf, wrongType } from '../support/arguments.js';
import {
  type AnyParameters,
  type ParameterFacts,
  type ParameterTable,
  type ParameterValues,
  readParameters,
} from './parameters.js';

/** The families of methods; `own` is for methods of users. */
export type MethodGroup = 'cams' | 'gradient' | 'backprop' | 'perturbation' | 'shapley' | 'attention' | 'own';

/** What a method needs of the model, beside its logits. */
export type Need = 'activations' | 'gradients' | 'attention';

/** What passes depend on: the channels of the exposed activations, and the units explained. */
export interface Sizes {
  readonly channels: number;
  readonly units: number;
}

/** Passes through the network for one input. */
export interface Passes {
  readonly forward: number;
  readonly backward: number;
  /** How far a backward pass goes: a fraction of the network where it ends at the exposed activations. */
  readonly backwardTo: 'activations' | 'input';
}

export interface Paper {
  readonly citation: string;
  readonly year: number;
  readonly url: string;
}

/** How the channels of what is explained become one map. */
export type ChannelRule = 'mean' | 'sum' | 'max' | 'l2' | 'keep';

/** What tables say of a method or a meta method. */
interface Told {
  /** One line of mathematics: the map of a unit. */
  readonly formula: string;
  /** When this method is the right one. */
  readonly take: string;
  /** Null where there is none. */
  readonly paper: Paper | null;
  /** The function of another library that gives the same maps; null where none does. */
  readonly equals: string | null;
}

/** A method as its author describes it. `T`: the method's own parameters. */
export interface MethodDescription<T> extends Told {
  readonly group: MethodGroup;
  readonly needs: readonly Need[];
  readonly maps: {
    /** Whose positions a raw map has. Maps of the activations' size are resized to the input's by default. */
    readonly size: 'activations' | 'input';
    readonly channels: ChannelRule;
  };
  /** The filter of the method's shortcut. */
  readonly postprocessing: Filter;
  readonly parameters: T;
  passes(sizes: Sizes, parameters: ParameterValues<T>): Passes;
}

/** A described method. */
export interface MethodDescriptor extends Omit<MethodDescription<AnyParameters>, 'passes'> {
  /** The function's name. */
  readonly name: string;
  readonly method: AnyMethod;
  /** Whether maps are resized to the input by default. */
  readonly resizing: boolean;
  /** @param parameters values of the method's own parameters; defaults stand for those that are left out. */
  passes(sizes: Sizes, parameters?: Readonly<Record<string, unknown>>): Passes;
}

/** A method made of a method. */
export type MetaMethod = <M extends AnyMethod>(method: M, options?: never) => MethodLike<M>;

/** A meta method as its author describes it. `T`: its options. */
export interface MetaDescription<T> extends Told {
  readonly parameters: T;
  /** The passes of a method with this one around it. */
  passes(inner: Passes, parameters: ParameterValues<T>): Passes;
  /** How often the inner method runs: a letter for formulas, and what it counts. */
  readonly times: { readonly symbol: string; readonly of: string };
  /** Sizes that the model is called at beside the input's own, as shares of it. Default: none. */
  inputScales?(parameters: Partial<ParameterValues<T>>): readonly number[];
  /** Methods that a comparison of all methods shows with this one around them, by their names. */
  readonly comparedAround: readonly string[];
}

/** A described meta method. */
export interface MetaDescriptor extends Omit<MetaDescription<AnyParameters>, 'passes' | 'inputScales'> {
  readonly name: string;
  readonly method: MetaMethod;
  passes(inner: Passes, parameters?: Readonly<Record<string, unknown>>): Passes;
  inputScales(parameters: Readonly<Record<string, unknown>>): readonly number[];
}

/** Methods and meta methods that something is derived from. */
export interface MethodList {
  readonly methods: readonly MethodDescriptor[];
  readonly metas: readonly MetaDescriptor[];
}

const methods = new WeakMap<AnyMethod, MethodDescriptor>();
const metas = new WeakMap<object, MetaDescriptor>();

/** Parameters that the method does not have are no part of its table. */
type NoOthers<T, P> = { readonly [K in Exclude<keyof T, keyof P>]: never };

/**
 * Describes `method`, so that its parameters are checked before anything runs and everything that is derived from
 * descriptors knows the method. The compiler refuses parameters that are not the method's own.
 *
 * @returns the descriptor, which {@link descriptorOf} gives from now on.
 * @throws TypeError for a description that lacks what checks and passes are made of.
 */
export function describeMethod<M extends AnyMethod, const T extends ParameterTable<MethodParameters<M>>>(
  method: M,
  description: MethodDescription<T> & { readonly parameters: NoOthers<T, MethodParameters<M>> },
): MethodDescriptor {
  checkFunction('method', method, 'Pass the method that the description is of.');
  checkDescription(description);
  const parameters = description.parameters as AnyParameters;
  const descriptor: MethodDescriptor = Object.freeze({
    ...(description as MethodDescription<unknown>),
    name: nameOf(method),
    method,
    parameters,
    resizing: description.maps.size === 'activations',
    passes: (sizes: Sizes, given: Readonly<Record<string, unknown>> = {}) =>
      description.passes(sizes, readParameters(parameters, given) as ParameterValues<T>),
  });
  methods.set(method, descriptor);
  return descriptor;
}

/** Refuses what would fail later, far from where it was written. The compiler checks the rest. */
function checkDescription(description: unknown): void {
  checkIsObject('description', description);
  const { parameters, passes, needs, maps } = description as Partial<MethodDescription<unknown>>;
  checkFunction('description.passes', passes, 'Return { forward, backward, backwardTo }.');
  if (!Array.isArray(needs)) throw wrongType('description.needs', "an array, as ['gradients']", needs);
  checkIsObject('description.maps', maps);
  checkIsObject('description.parameters', parameters);
  for (const [name, parameter] of Object.entries(parameters)) {
    if (typeof (parameter as Partial<ParameterFacts> | null)?.check === 'function') continue;
    throw wrongType(
      `description.parameters.${name}`,
      'a parameter, as `parameters.integer` makes',
      parameter,
    );
  }
}

/** What is known of `method`, also of one that meta methods stand around; undefined where nobody described it. */
export function descriptorOf(method: AnyMethod): MethodDescriptor | undefined {
  return methods.get(method);
}

type OptionsOf<M extends (method: never, options?: never) => unknown> = Exclude<Parameters<M>[1], undefined>;

/** @internal Describes a meta method. The compiler refuses parameters that are not its options. */
export function describeMeta<
  M extends (method: never, options?: never) => unknown,
  const T extends ParameterTable<OptionsOf<M>>,
>(
  method: M,
  description: MetaDescription<T> & { readonly parameters: NoOthers<T, OptionsOf<M>> },
): MetaDescriptor {
  const parameters = description.parameters as AnyParameters;
  const descriptor: MetaDescriptor = Object.freeze({
    ...(description as MetaDescription<unknown>),
    name: nameOf(method),
    method: method as unknown as MetaMethod,
    parameters,
    passes: (inner: Passes, given: Readonly<Record<string, unknown>> = {}) =>
      description.passes(inner, readParameters(parameters, given) as ParameterValues<T>),
    inputScales: (given: Readonly<Record<string, unknown>>) =>
      description.inputScales?.(given as Partial<ParameterValues<T>>) ?? [],
  });
  metas.set(method, descriptor);
  return descriptor;
}

/** @internal What is known of the meta method; undefined where it is none. */
export function metaDescriptorOf(method: unknown): MetaDescriptor | undefined {
  return typeof method === 'function' ? metas.get(method) : undefined;
}

/**
 * @internal Describes `wrapped`, which is `inner` with a meta method around it: it takes the parameters of `inner`. An
 * inner method without a descriptor gives one without.
 */
export function describeWrapped(
  wrapped: AnyMethod,
  inner: AnyMethod,
  meta: MetaDescriptor,
  options: Readonly<Record<string, unknown>>,
): void {
  const descriptor = descriptorOf(inner);
  if (descriptor === undefined) return;
  methods.set(
    wrapped,
    Object.freeze({
      ...descriptor,
      name: nameOf(wrapped),
      method: wrapped,
      passes: (sizes: Sizes, given?: Readonly<Record<string, unknown>>) =>
        meta.passes(descriptor.passes(sizes, given), options),
    }),
  );
}

/** @internal The methods among a module's exports, in the order in which they were published. */
export function methodsIn(exports: object): readonly AnyMethod[] {
  const found = Object.values(exports).flatMap((each: unknown) =>
    typeof each === 'function' ? (descriptorOf(each as AnyMethod) ?? []) : [],
  );
  return Object.freeze(byAge(found).map(({ method }) => method));
}

/** @internal The meta methods among a module's exports, in the order in which they were published. */
export function metaMethodsIn<E extends object>(exports: E): readonly E[keyof E][] {
  const found = Object.values(exports).flatMap((each: unknown) => metaDescriptorOf(each) ?? []);
  return Object.freeze(byAge(found).map(({ method }) => method as unknown as E[keyof E]));
}

function byAge<D extends { readonly name: string; readonly paper: Paper | null }>(list: readonly D[]): D[] {
  const year = ({ paper }: D) => paper?.year ?? Number.POSITIVE_INFINITY;
  return list.toSorted((a, b) => (year(a) === year(b) ? (a.name < b.name ? -1 : 1) : year(a) - year(b)));
}

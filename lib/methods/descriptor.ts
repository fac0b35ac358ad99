/**
 * Descriptors of methods: requirements, maps, parameters, passes and paper. A descriptor is in the file of its method.
 * Lists of methods, the command line, the tables of the docs and the invariants tests are derived from descriptors.
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

/** The families of methods. `own` is for methods of users. */
export type MethodGroup = 'cams' | 'gradient' | 'backprop' | 'perturbation' | 'shapley' | 'attention' | 'own';

/** A requirement of a method besides the model's logits. */
export type Need = 'activations' | 'gradients' | 'attention';

/** The sizes that the number of passes depends on: channels of the exposed activations, and explained units. */
export interface Sizes {
  readonly channels: number;
  readonly units: number;
}

/** The number of passes through the network for one input. */
export interface Passes {
  readonly forward: number;
  readonly backward: number;
  /** The end of a backward pass. A pass to the exposed activations covers only a part of the network. */
  readonly backwardTo: 'activations' | 'input';
}

export interface Paper {
  readonly citation: string;
  readonly year: number;
  readonly url: string;
}

/** The reduction of the channels to one map. */
export type ChannelRule = 'mean' | 'sum' | 'max' | 'l2' | 'keep';

/** The texts about a method or a meta method in tables. */
interface Told {
  /** The formula of a unit's map, in one line. */
  readonly formula: string;
  /** The purpose for which this method is the right choice. */
  readonly take: string;
  /** The paper of the method, or null. */
  readonly paper: Paper | null;
  /** The function of another library with the same maps, or null. */
  readonly equals: string | null;
}

/** The author's description of a method. `T` is the table of the method's own parameters. */
export interface MethodDescription<T> extends Told {
  readonly group: MethodGroup;
  readonly needs: readonly Need[];
  readonly maps: {
    /** The size of a raw map. Maps of the size of the activations are resized to the size of the input by default. */
    readonly size: 'activations' | 'input';
    readonly channels: ChannelRule;
  };
  /** The filter of the method's shortcut. */
  readonly postprocessing: Filter;
  readonly parameters: T;
  passes(sizes: Sizes, parameters: ParameterValues<T>): Passes;
}

/** The descriptor of a method. */
export interface MethodDescriptor extends Omit<MethodDescription<AnyParameters>, 'passes'> {
  /** The function's name. */
  readonly name: string;
  readonly method: AnyMethod;
  /** Whether maps are resized to the size of the input by default. */
  readonly resizing: boolean;
  /** @param parameters values of the method's own parameters. Missing values have their defaults. */
  passes(sizes: Sizes, parameters?: Readonly<Record<string, unknown>>): Passes;
}

/** A function that takes a method and returns a method. */
export type MetaMethod = <M extends AnyMethod>(method: M, options?: never) => MethodLike<M>;

/** The author's description of a meta method. `T` is the table of its options. */
export interface MetaDescription<T> extends Told {
  readonly parameters: T;
  /** Returns the passes of the meta method around a method with `inner` passes. */
  passes(inner: Passes, parameters: ParameterValues<T>): Passes;
  /** The number of runs of the inner method: its symbol in formulas, and the counted noun. */
  readonly times: { readonly symbol: string; readonly of: string };
  /** Returns further sizes at which the model is called, as multiples of the input's size. Default: none. */
  inputScales?(parameters: Partial<ParameterValues<T>>): readonly number[];
  /** The names of methods that a comparison of all methods also shows inside this meta method. */
  readonly comparedAround: readonly string[];
}

/** The descriptor of a meta method. */
export interface MetaDescriptor extends Omit<MetaDescription<AnyParameters>, 'passes' | 'inputScales'> {
  readonly name: string;
  readonly method: MetaMethod;
  passes(inner: Passes, parameters?: Readonly<Record<string, unknown>>): Passes;
  inputScales(parameters: Readonly<Record<string, unknown>>): readonly number[];
}

/** A list of methods and meta methods. The command line and the tables of the docs are derived from such a list. */
export interface MethodList {
  readonly methods: readonly MethodDescriptor[];
  readonly metas: readonly MetaDescriptor[];
}

const methods = new WeakMap<AnyMethod, MethodDescriptor>();
const metas = new WeakMap<object, MetaDescriptor>();

/** Forbids parameters in a table that the method does not have. */
type NoOthers<T, P> = { readonly [K in Exclude<keyof T, keyof P>]: never };

/**
 * Registers the description of `method`. The method's parameters are then checked before a run. The TypeScript compiler
 * refuses parameters that the method does not have.
 *
 * @returns the descriptor, which {@link descriptorOf} returns from now on.
 * @throws TypeError if the description lacks `parameters`, `passes`, `needs` or `maps`.
 */
export function describeMethod<M extends AnyMethod, const T extends ParameterTable<MethodParameters<M>>>(
  method: M,
  description: MethodDescription<T> & { readonly parameters: NoOthers<T, MethodParameters<M>> },
): MethodDescriptor {
  checkFunction('method', method, 'Pass the described method.');
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

/** Throws for mistakes that would otherwise fail later, far from the description. The compiler checks the rest. */
function checkDescription(description: unknown): void {
  checkIsObject('description', description);
  const { parameters, passes, needs, maps } = description as Partial<MethodDescription<unknown>>;
  checkFunction('description.passes', passes, 'Return { forward, backward, backwardTo }.');
  if (!Array.isArray(needs))
    throw wrongType('description.needs', "an array (for example ['gradients'])", needs);
  checkIsObject('description.maps', maps);
  checkIsObject('description.parameters', parameters);
  for (const [name, parameter] of Object.entries(parameters)) {
    if (typeof (parameter as Partial<ParameterFacts> | null)?.check === 'function') continue;
    throw wrongType(
      `description.parameters.${name}`,
      'a parameter (for example from `parameters.integer`)',
      parameter,
    );
  }
}

/**
 * Returns the descriptor of `method`, or undefined if the method has no description. Methods inside meta methods have
 * descriptors too.
 */
export function descriptorOf(method: AnyMethod): MethodDescriptor | undefined {
  return methods.get(method);
}

type OptionsOf<M extends (method: never, options?: never) => unknown> = Exclude<Parameters<M>[1], undefined>;

/** @internal Registers the description of a meta method. The compiler refuses parameters that are not its options. */
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

/** @internal Returns the descriptor of a meta method, or undefined for any other value. */
export function metaDescriptorOf(method: unknown): MetaDescriptor | undefined {
  return typeof method === 'function' ? metas.get(method) : undefined;
}

/**
 * @internal Registers the descriptor of `wrapped`, which is `inner` inside a meta method and takes the parameters of
 * `inner`. Does nothing if `inner` has no descriptor.
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

/** @internal Returns the methods among a module's exports in the order of their papers. */
export function methodsIn(exports: object): readonly AnyMethod[] {
  const found = Object.values(exports).flatMap((each: unknown) =>
    typeof each === 'function' ? (descriptorOf(each as AnyMethod) ?? []) : [],
  );
  return Object.freeze(byAge(found).map(({ method }) => method));
}

/** @internal Returns the meta methods among a module's exports in the order of their papers. */
export function metaMethodsIn<E extends object>(exports: E): readonly E[keyof E][] {
  const found = Object.values(exports).flatMap((each: unknown) => metaDescriptorOf(each) ?? []);
  return Object.freeze(byAge(found).map(({ method }) => method as unknown as E[keyof E]));
}

function byAge<D extends { readonly name: string; readonly paper: Paper | null }>(list: readonly D[]): D[] {
  const year = ({ paper }: D) => paper?.year ?? Number.POSITIVE_INFINITY;
  return list.toSorted((a, b) => (year(a) === year(b) ? (a.name < b.name ? -1 : 1) : year(a) - year(b)));
}

/** The arguments of a recorded operation: those of its call, and those that its config holds. */
import type { DType } from '../../binding/contract.js';
import { constant } from '../../graph/operand.js';
import { stack } from '../../graph/ops/array.js';
import { Symbolic } from '../../graph/symbolic.js';
import { isNumeric, type NumericDType } from '../../tensor/dtype.js';
import type { NestedArray } from '../../tensor/tensor.js';
import type { Config } from '../config.js';
import type { Argument, ArgumentObject, LayerCall } from '../layer_kind.js';
import { promoted, type Value } from './promotion.js';

/** Reads the arguments of one call by name. */
export class Arguments {
  readonly config: Config;
  readonly #values = new Map<string, Argument>();

  /**
   * @param names the names of the positional arguments of the call. A name that ends with `*` takes all that follow.
   * @param rename the name that the operation gives an argument, by the name in the file.
   */
  constructor(
    config: Config,
    names: readonly string[],
    call: LayerCall,
    rename: Readonly<Record<string, string>> = {},
  ) {
    this.config = config;
    for (const [name, value] of Object.entries(config.entries)) this.#values.set(name, value);
    for (const [name, value] of Object.entries(call.kwargs)) this.#values.set(rename[name] ?? name, value);
    names.forEach((name, i) => {
      if (name.endsWith('*')) this.#values.set(name.slice(0, -1), call.args.slice(i));
      else if (i < call.args.length) this.#values.set(name, call.args[i] as Argument);
    });
  }

  /** Returns an argument, or undefined if the argument is absent or `null`. */
  get(name: string): Argument | undefined {
    const value = plain(this.#values.get(name));
    return value === null ? undefined : value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Returns an argument that is a tensor, a number, or numbers in lists. */
  value(name: string, fallback?: Value): Value {
    const value = this.get(name) ?? fallback;
    return this.#valueOf(name, value);
  }

  #valueOf(name: string, value: Argument | undefined): Value {
    if (value instanceof Symbolic || typeof value === 'number' || typeof value === 'boolean') return value;
    if (Array.isArray(value)) return this.#array(name, value);
    if (isObject(value) && value.class_name === '__numpy__') return this.#numpy(name, value);
    return this.refuse(name, 'a tensor or numbers');
  }

  #array(name: string, list: readonly Argument[]): Symbolic {
    if (hasSymbol(list)) {
      const parts = list.map((each) => this.#valueOf(name, plain(each)));
      return stack(promoted(parts));
    }
    const flat = list.flat(8) as Argument[];
    if (flat.every((each) => typeof each === 'boolean'))
      return constant(list as unknown as NestedArray, 'bool');
    if (!flat.every((each) => typeof each === 'number')) return this.refuse(name, 'a tensor or numbers');
    return constant(list as unknown as NestedArray, flat.every(Number.isSafeInteger) ? 'int32' : 'float32');
  }

  /** An array of NumPy, or a tensor, that was written into the file. */
  #numpy(name: string, value: ArgumentObject): Symbolic {
    const { value: list, dtype } = (value.config ?? {}) as ArgumentObject;
    if (typeof dtype !== 'string' || !isNumeric(dtype as DType))
      return this.refuse(name, 'an array of numbers');
    return constant(list as unknown as NestedArray, dtype as NumericDType);
  }

  /** Returns an argument as a tensor. Numbers become float32, integers int32. */
  tensor(name: string): Symbolic {
    return promoted([this.value(name)])[0] as Symbolic;
  }

  /** Returns an argument that is a list of tensors and numbers. A single tensor is a list of one. */
  values(name: string): Value[] {
    const value = this.get(name);
    if (value instanceof Symbolic) return [value];
    if (!Array.isArray(value)) return this.refuse(name, 'a list of tensors');
    return value.map((each: Argument) => this.#valueOf(name, plain(each)));
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.get(name) ?? fallback;
    return typeof value === 'boolean' ? value : this.refuse(name, 'true or false');
  }

  number(name: string, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    return typeof value === 'number' ? value : this.refuse(name, 'a number');
  }

  integer(name: string, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    return Number.isSafeInteger(value) ? (value as number) : this.refuse(name, 'an integer');
  }

  string(name: string, fallback?: string): string {
    const value = this.get(name) ?? fallback;
    return typeof value === 'string' ? value : this.refuse(name, 'a string');
  }

  /** Returns an argument that is an integer or a list of integers, as a list. */
  integers(name: string, fallback?: readonly number[]): number[] {
    const value = this.get(name) ?? fallback;
    const list = Array.isArray(value) ? value : [value];
    return list.every((each) => Number.isSafeInteger(each))
      ? (list as number[])
      : this.refuse(name, 'an integer or a list of integers');
  }

  /** Returns the axes that an argument names, or undefined for all axes. */
  axes(name = 'axis'): number[] | undefined {
    return this.has(name) ? this.integers(name) : undefined;
  }

  /** Returns sizes: integers and int32 scalars. `null` is the size -1. */
  sizes(name: string): (number | Symbolic)[] | Symbolic {
    const value = this.get(name);
    if (value instanceof Symbolic) return value;
    const list = Array.isArray(value) ? value : [value ?? null];
    return list.map((each: Argument) => {
      if (each === null) return -1;
      if (each instanceof Symbolic || Number.isSafeInteger(each)) return each as number | Symbolic;
      return this.refuse(name, 'a list of sizes');
    });
  }

  /** Returns an argument that names a dtype. */
  dtype(name = 'dtype', fallback?: DType): DType {
    const value = this.get(name) ?? fallback;
    const text = isObject(value) ? (value.config as ArgumentObject | undefined)?.name : value;
    const dtype = typeof text === 'string' ? text.replace(/^tf\.|^<dtype: '|'>$/g, '') : '';
    return isNumeric(dtype as DType) ? (dtype as DType) : this.refuse(name, 'a numeric dtype');
  }

  /** Refuses the call because of an argument. */
  refuse(name: string, expected: string): never {
    return this.config.refuse(`its argument \`${name}\` is not ${expected}`);
  }
}

export const isObject = (value: Argument | undefined): value is ArgumentObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Symbolic);

const hasSymbol = (value: Argument): boolean =>
  value instanceof Symbolic || (Array.isArray(value) && value.some(hasSymbol));

/** Returns the value of a serialised tuple, tensor or number, and any other argument as it is. */
function plain(value: Argument | undefined): Argument | undefined {
  if (!isObject(value)) return value;
  const { class_name: kind, config } = value;
  if (kind === '__tuple__') return (value.items ?? (config as ArgumentObject)?.value ?? []) as Argument;
  if (kind === '__tensor__') return { ...value, class_name: '__numpy__' };
  return value;
}

import type { AnyMethod, MethodArguments, MethodLike, MethodResult } from '../../graph/method.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { nameOf } from '../../support/arguments.js';
import { describeWrapped, type MetaDescriptor } from '../descriptor.js';

/**
 * @internal Returns `args` with another explained input. Properties are copied without a read, because `explain`
 *   records
 * which parameters a method without a descriptor reads.
 */
export function withInputs<A extends MethodArguments>(args: A, inputs: Symbolic): A {
  const allInputs = args.allInputs.map((each) => (each === args.inputs ? inputs : each));
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(args));
  return Object.assign(copy as A, { inputs, allInputs });
}

/**
 * @internal Returns `run` as the method that `meta` creates from `inner`. The method is named after both, as in the
 * Python library. It has a descriptor if `inner` has one.
 *
 * @param options the checked options of `meta`.
 */
export function around<M extends AnyMethod>(
  inner: M,
  meta: MetaDescriptor,
  options: Readonly<Record<string, unknown>>,
  run: (args: MethodArguments) => MethodResult,
): MethodLike<M> {
  const method = Object.defineProperty(run, 'name', { value: `${nameOf(inner)}_${meta.name}` });
  describeWrapped(method, inner, meta, options);
  return method as MethodLike<M>;
}

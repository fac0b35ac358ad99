/** What tests go through is derived from the methods' descriptors: a method that is added is tested. */
import type * as ke from '../../../lib/index.js';
import { BUILT_IN } from '../../../lib/methods/built_in.js';
import type { MethodList } from '../../../lib/methods/descriptor.js';

/** Options of meta methods that make a test short, and noise that a map shows. */
const QUICK: Readonly<Record<string, object>> = { smooth: { repetitions: 4, noise: 0.3 } };

/** Every method by its name, and each meta method around those that it is compared around. */
export function invariantMethods({
  methods,
  metas,
}: MethodList = BUILT_IN): Readonly<Record<string, ke.AnyMethod>> {
  const wrapped = metas.flatMap(({ name, method: meta, comparedAround }) =>
    methods
      .filter((inner) => comparedAround.includes(inner.name))
      .map(({ method }) => meta(method, QUICK[name] as never) as ke.AnyMethod),
  );
  const all = [...methods.map(({ method }) => method), ...wrapped];
  return Object.fromEntries(all.map((method) => [method.name, method]));
}

/**
 * The names of methods, and of meta methods, that none of `checked` is: each needs a reference that it is compared
 * with.
 */
export function withoutReference(
  checked: readonly ke.AnyMethod[],
  { methods, metas }: MethodList = BUILT_IN,
): string[] {
  const plain = methods.filter(({ method }) => !checked.includes(method));
  const around = metas.filter(({ name }) => !checked.some((method) => method.name.endsWith(`_${name}`)));
  return [...plain, ...around].map(({ name }) => name);
}

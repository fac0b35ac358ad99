import type { MethodArguments } from '../../graph/method.js';
import type { Symbolic } from '../../graph/symbolic.js';

/**
 * @internal `args` with another explained input. It is a view and no copy: `explain` notes which parameters a method
 * reads, and a copy would read them all.
 */
export function withInputs<A extends MethodArguments>(args: A, inputs: Symbolic): A {
  const allInputs = args.allInputs.map((each) => (each === args.inputs ? inputs : each));
  return new Proxy(args, {
    get(target, key) {
      if (key === 'inputs') return inputs;
      if (key === 'allInputs') return allInputs;
      return Reflect.get(target, key);
    },
  });
}

/** @internal `method` under a name that tells where it comes from, as the Python library gives it. */
export function named<T extends (...args: never) => unknown>(name: string, method: T): T {
  return Object.defineProperty(method, 'name', { value: name });
}

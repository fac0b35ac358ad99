/** Methods that compute the gradient of the logits with respect to the input. */
import type { AnyMethod } from '../../graph/method.js';
import { methodsIn } from '../descriptor.js';
import * as methods from './methods.js';

export * from './methods.js';

/** Every method of this group. */
export const METHODS: readonly AnyMethod[] = methodsIn(methods);

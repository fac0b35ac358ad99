/** Methods made of methods: each takes one and returns one, so that they can be put into each other. */
import { metaMethodsIn } from '../descriptor.js';
import * as methods from './methods.js';

export * from './methods.js';

/** Every meta method of this group. */
export const METHODS: readonly (typeof methods)[keyof typeof methods][] = metaMethodsIn(methods);

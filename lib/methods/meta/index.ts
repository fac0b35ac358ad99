/** Meta methods: each takes a method and returns a method, so meta methods can be nested. */
import { metaMethodsIn } from '../descriptor.js';
import * as methods from './methods.js';

export * from './methods.js';

/** Every meta method of this group. */
export const METHODS: readonly (typeof methods)[keyof typeof methods][] = metaMethodsIn(methods);

import { METHODS as CAMS } from './cams/index.js';
import { descriptorOf, type MethodDescriptor, type MethodList, metaDescriptorOf } from './descriptor.js';
import { METHODS as GRADIENT } from './gradient/index.js';
import { METHODS as METAS } from './meta/index.js';

/** Every method and meta method of this package, ordered by group. */
export const BUILT_IN: MethodList = Object.freeze({
  methods: Object.freeze([...CAMS, ...GRADIENT].map((method) => descriptorOf(method) as MethodDescriptor)),
  metas: Object.freeze(METAS.flatMap((method) => metaDescriptorOf(method) ?? [])),
});

/** All operations, by the names of their classes. */
import { ELEMENTWISE_OPERATIONS } from './elementwise.js';
import { IMAGE_OPERATIONS } from './images.js';
import { NETWORK_OPERATIONS } from './networks.js';
import type { Operation } from './operation.js';
import { PRODUCT_OPERATIONS } from './products.js';
import { REDUCTION_OPERATIONS } from './reductions.js';
import { SHAPE_OPERATIONS } from './shapes.js';

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  [
    ...ELEMENTWISE_OPERATIONS,
    ...IMAGE_OPERATIONS,
    ...NETWORK_OPERATIONS,
    ...PRODUCT_OPERATIONS,
    ...REDUCTION_OPERATIONS,
    ...SHAPE_OPERATIONS,
  ].map((operation) => [operation.name, operation] as const),
);

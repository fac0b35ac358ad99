/** Layers compute with channels as the last axis. TensorFlow's CPU kernels do not support channels as axis 1. */
import { transpose } from '../../graph/ops/array.js';
import type { Symbolic } from '../../graph/symbolic.js';

/** Returns (N, C, ...) as (N, ..., C). */
export const channelsLast = (x: Symbolic): Symbolic =>
  transpose(x, [0, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 2), 1]);

/** Returns (N, ..., C) as (N, C, ...). */
export const channelsFirst = (x: Symbolic): Symbolic =>
  transpose(x, [0, x.rank - 1, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 1)]);

/** Applies a function of (N, ..., C) to x, whose channels are axis 1 if `isFirst`. */
export function inChannelsLast(x: Symbolic, isFirst: boolean, apply: (x: Symbolic) => Symbolic): Symbolic {
  return isFirst ? channelsFirst(apply(channelsLast(x))) : apply(x);
}

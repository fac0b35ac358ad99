/** The default axes of tensors (N, H, W, C) and of logits (N, U). */

/** The axis of channels, and of units. */
export const KERNEL_AXIS = -1;

/** The axes of positions: height and width. */
export const SPATIAL_AXIS: readonly number[] = Object.freeze([-3, -2]);

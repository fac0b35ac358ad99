import type { Addon, NativeFunction, NativeStrategy } from '../../../lib/binding/contract.js';

export function addonPath(): string;

export function loadAddon(): Addon;

/** Of so many threads in this process. */
export function callers(addon: Addon, count: number): NativeStrategy;

/** A function of one feed (N, 4) whose rows are doubled. */
export function doubling(addon: Addon, replicas?: number): Promise<NativeFunction>;

/**
 * A function of one feed (N, 600) whose shards take some 50 ms each, whatever they hold: products of random matrices,
 * which TensorFlow cannot fold away.
 */
export function slow(addon: Addon): Promise<NativeFunction>;

/** A function of one feed, an int32 scalar, that counts to it in a loop and returns it: some 3 us a turn. */
export function looping(addon: Addon): Promise<NativeFunction>;

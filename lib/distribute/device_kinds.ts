/** The kinds of devices that compute models. native/tensorflow/device_kind.h has the same table. */

/** The properties in which kinds of devices differ. */
interface DeviceTraits {
  /**
   * Whether devices of this kind are hardware with memory of its own. TensorFlow creates the other devices on request;
   * they use the cores and the memory of the process.
   */
  readonly isAccelerator: boolean;
  /** The maximum number of rows in a run of the graph, if rows are large. */
  readonly mostRows: number;
  /** The default number of parts of a batch that a device computes at once. Null: the number of threads. */
  readonly callers: number | null;
  /** The maximum number of parts that a device takes together, if CPU devices, which take one, share the strategy. */
  readonly shardsAtOnce: number;
}

export const DEVICE_KINDS = {
  // Small parts keep all replicas busy and use little memory.
  CPU: { isAccelerator: false, mostRows: 8, callers: null, shardsAtOnce: 1 },
  // A GPU computes a whole batch faster than parts of the batch.
  GPU: { isAccelerator: true, mostRows: Number.POSITIVE_INFINITY, callers: 1, shardsAtOnce: 4 },
} as const satisfies Readonly<Record<string, DeviceTraits>>;

export type DeviceKind = keyof typeof DEVICE_KINDS;

/** The names of the kinds. */
export const KIND_NAMES = Object.keys(DEVICE_KINDS) as readonly DeviceKind[];

/** Returns the properties of a kind. */
export function traitsOf(kind: DeviceKind): DeviceTraits {
  return DEVICE_KINDS[kind];
}

/** Returns whether a device type is an accelerator. Types outside the table, such as TensorFlow's XLA_CPU, are not. */
export function isAccelerator(type: string): boolean {
  return Object.hasOwn(DEVICE_KINDS, type) && traitsOf(type as DeviceKind).isAccelerator;
}

/** Returns the maximum number of rows per run for replicas on these kinds of devices: the smallest of their limits. */
export function mostRowsOf(kinds: readonly DeviceKind[]): number {
  return Math.min(...kinds.map((kind) => traitsOf(kind).mostRows));
}

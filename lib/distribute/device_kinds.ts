/** The kinds of devices that models are computed on; native/tensorflow/device_kind.h has the same. */

/** What differs between kinds of devices. */
interface DeviceTraits {
  /**
   * Whether a machine has such devices or not, and they compute in memory of their own. Others TensorFlow makes as they
   * are asked for, over the cores and the memory of the process.
   */
  readonly isAccelerator: boolean;
  /** Rows that a run of the graph computes at most, where rows are large. */
  readonly mostRows: number;
  /** Parts of a batch that a device computes at once by default; null: as many as there are threads. */
  readonly callers: number | null;
  /** Parts that a device takes in one go, beside CPU devices that take one. */
  readonly shardsAtOnce: number;
}

export const DEVICE_KINDS = {
  // Small parts keep all replicas busy, and memory low.
  CPU: { isAccelerator: false, mostRows: 8, callers: null, shardsAtOnce: 1 },
  // A GPU likes a batch whole.
  GPU: { isAccelerator: true, mostRows: Number.POSITIVE_INFINITY, callers: 1, shardsAtOnce: 4 },
} as const satisfies Readonly<Record<string, DeviceTraits>>;

export type DeviceKind = keyof typeof DEVICE_KINDS;

/** The names of the kinds. */
export const KIND_NAMES = Object.keys(DEVICE_KINDS) as readonly DeviceKind[];

/** What is known of a kind. */
export function traitsOf(kind: DeviceKind): DeviceTraits {
  return DEVICE_KINDS[kind];
}

/** Of a device's type, as TensorFlow lists it: also of types that are not in the table (XLA_CPU), which are none. */
export function isAccelerator(type: string): boolean {
  return Object.hasOwn(DEVICE_KINDS, type) && traitsOf(type as DeviceKind).isAccelerator;
}

/** Rows per run for replicas on devices of these kinds: what suits the one that wants the fewest. */
export function mostRowsOf(kinds: readonly DeviceKind[]): number {
  return Math.min(...kinds.map((kind) => traitsOf(kind).mostRows));
}

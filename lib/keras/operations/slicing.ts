/** Python's indexing of tensors, `x[key]`, as a strided slice. */
import { constant, op } from '../../graph/operand.js';
import { cast } from '../../graph/ops/array.js';
import { gather } from '../../graph/ops/indexing.js';
import { Symbolic } from '../../graph/symbolic.js';
import type { Config } from '../config.js';
import type { Argument, ArgumentObject } from '../layer_kind.js';
import { isObject } from './arguments.js';

/** A bound of a slice: an integer of the file, or an integer scalar. */
type Bound = number | Symbolic;

/** The entries of a slice as the op StridedSlice takes them. */
class SliceSpec {
  readonly begin: Bound[] = [];
  readonly end: Bound[] = [];
  readonly strides: Bound[] = [];
  readonly masks = { begin: 0, end: 0, ellipsis: 0, new_axis: 0, shrink_axis: 0 };

  #add(begin: Bound, end: Bound, stride: Bound, ...masks: (keyof SliceSpec['masks'])[]): void {
    for (const mask of masks) this.masks[mask] |= 1 << this.begin.length;
    this.begin.push(begin);
    this.end.push(end);
    this.strides.push(stride);
  }

  newAxis(): void {
    this.#add(0, 0, 1, 'new_axis');
  }

  ellipsis(): void {
    this.#add(0, 0, 1, 'ellipsis');
  }

  element(at: Bound): void {
    const end = at instanceof Symbolic ? op('AddV2', [at, constant(1, at.dtype)]) : at + 1;
    this.#add(at, end, 1, 'shrink_axis');
  }

  range(start: Bound | null, stop: Bound | null, step: Bound | null): void {
    const masks: ('begin' | 'end')[] = [];
    if (start === null) masks.push('begin');
    if (stop === null) masks.push('end');
    this.#add(start ?? 0, stop ?? 0, step ?? 1, ...masks);
  }
}

/** The maximum number of entries of a key: the bits of the masks. */
const MOST_ENTRIES = 31;

/**
 * Returns x[key]. An entry of `key` is an integer, a scalar tensor, a slice, `null` (a new axis) or an ellipsis. One
 * entry may be a list or vector of integers if all other entries are whole slices.
 *
 * Keras 3 writes a slice as `{ class_name: '__slice__', config: { start, stop, step } }`, Keras 2 as
 * `{ start, stop, step }`. Both write the ellipsis as `{ class_name: '__ellipsis__' }`.
 */
export function sliced(x: Symbolic, key: Argument, config: Config): Symbolic {
  const entries: readonly Argument[] = Array.isArray(key) ? key : [key];
  if (entries.length > MOST_ENTRIES) config.refuse(`its slice has more than ${MOST_ENTRIES} entries`);
  const vectors = entries.filter((entry) => isVector(entry));
  if (vectors.length > 0) return gathered(x, entries, config);
  const spec = new SliceSpec();
  for (const entry of entries) addEntry(spec, entry, config);
  const { masks } = spec;
  return op('StridedSlice', [x, packed(spec.begin), packed(spec.end), packed(spec.strides)], {
    begin_mask: { int: masks.begin },
    end_mask: { int: masks.end },
    ellipsis_mask: { int: masks.ellipsis },
    new_axis_mask: { int: masks.new_axis },
    shrink_axis_mask: { int: masks.shrink_axis },
  });
}

const isVector = (entry: Argument): boolean =>
  (Array.isArray(entry) && entry.every((each: Argument) => Number.isSafeInteger(each))) ||
  (entry instanceof Symbolic && entry.shape !== null && entry.shape.length > 0) ||
  (isObject(entry) && entry.class_name === '__numpy__');

/** Returns x[:, ..., indices, ...] for one list of indices beside whole slices. */
function gathered(x: Symbolic, entries: readonly Argument[], config: Config): Symbolic {
  const axis = entries.findIndex(isVector);
  const others = entries.filter((_, i) => i !== axis);
  const isWhole = (entry: Argument) => {
    const slice = sliceOf(entry);
    return slice !== null && [slice.start, slice.stop, slice.step].every((bound) => (bound ?? null) === null);
  };
  if (!others.every(isWhole)) config.refuse('it is indexed by a tensor of indices beside other indices');
  const entry = entries[axis] as Argument;
  if (entry instanceof Symbolic) {
    if (entry.dtype === 'bool')
      config.refuse('it is indexed by a mask, which makes a shape that depends on values');
    return gather(x, entry, { axis });
  }
  const list = isObject(entry) ? (entry.config as ArgumentObject).value : entry;
  return gather(x, constant(positive(list as readonly number[], x, axis, config), 'int32'), { axis });
}

/** Returns indices from the start of an axis. */
function positive(list: readonly number[], x: Symbolic, axis: number, config: Config): number[] {
  const size = x.shape?.[axis] ?? null;
  return list.map((i) => {
    if (i >= 0) return i;
    return size === null ? config.refuse('it has a negative index along an axis of unknown size') : i + size;
  });
}

function addEntry(spec: SliceSpec, entry: Argument, config: Config): void {
  const slice = sliceOf(entry);
  if (isObject(entry) && entry.class_name === '__ellipsis__') spec.ellipsis();
  else if (slice !== null) {
    const [start, stop, step] = [slice.start, slice.stop, slice.step].map((bound) => boundOf(bound, config));
    spec.range(start ?? null, stop ?? null, step ?? null);
  } else {
    const at = boundOf(entry, config);
    if (at === null) spec.newAxis();
    else spec.element(at);
  }
}

/** Returns the bounds of a serialised slice, or null for another entry. */
function sliceOf(entry: Argument): ArgumentObject | null {
  if (!isObject(entry)) return null;
  if (entry.class_name === '__slice__' && isObject(entry.config)) return entry.config;
  return 'start' in entry && 'stop' in entry ? entry : null;
}

function boundOf(bound: Argument | undefined, config: Config): Bound | null {
  if (bound === null || bound === undefined) return null;
  if (bound instanceof Symbolic) return cast(bound, 'int32');
  if (Number.isSafeInteger(bound)) return bound as number;
  return config.refuse('its slice has a bound that is no integer');
}

function packed(bounds: readonly Bound[]): Symbolic {
  if (bounds.every((bound) => typeof bound === 'number')) return constant(bounds as number[], 'int32');
  return op('Pack', [bounds.map((bound) => (bound instanceof Symbolic ? bound : constant(bound, 'int32')))], {
    axis: { int: 0 },
  });
}

/** Named tensors that a step takes besides inputs and units: maps, masks, references, baselines, boxes. */
import type { StaticShape } from '../binding/contract.js';
import { describeShape } from '../graph/symbolic.js';
import { checkIsObject, nearNames, refused, wrongType } from '../support/arguments.js';
import type { NumericDType } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkCast, type InputArray, toTensor } from './inputs.js';

/** The declaration of one feed. */
export interface FeedSpec {
  /**
   * false: axis 0 is the sample axis, and a batch receives the rows of its samples. true: every part of every batch
   * receives the whole tensor. Default false.
   */
  readonly whole?: boolean;
  /**
   * The dtype in the step. Other numeric dtypes are cast in the graph, like inputs. Default: the dtype of the value.
   */
  readonly dtype?: NumericDType;
  /**
   * The sizes of the axes. null means any size. Axis 0 of a feed per sample is null. One function is compiled for all
   * values that fit. Default: the shape of the value, with another function for each other shape.
   */
  readonly shape?: StaticShape;
}

/** The declarations of a step's feeds, by name. */
export type FeedSpecs = Readonly<Record<string, FeedSpec>>;

/** The caller's values for {@link FeedSpecs}. */
export type FeedValues = Readonly<Record<string, InputArray>>;

/** A value that fits its {@link FeedSpec}. */
export interface Feed {
  readonly tensor: Tensor;
  readonly whole: boolean;
}

export type Feeds = Readonly<Record<string, Feed>>;

const NONE: Feeds = Object.freeze({});

/**
 * Returns `values` as tensors, in the order of `specs`. Missing values are left out.
 *
 * @param samples the number of rows that a feed per sample must have.
 * @param place the origin of the values, for example ' of step 3'.
 * @throws TypeError, RangeError that name the feed if the name is unknown or if the dtype, the shape or the number of
 *   rows does not fit.
 */
export function feedTensors(values: unknown, specs: FeedSpecs, samples: number, place = ''): Feeds {
  if (values === undefined) return NONE;
  checkIsObject(`feeds${place}`, values);
  const given = values as Readonly<Record<string, unknown>>;
  const names = Object.keys(specs);
  for (const key of Object.keys(given)) if (!names.includes(key)) refuseUnknown(key, names, place);
  const feeds = names
    .filter((name) => given[name] !== undefined)
    .map((name): [string, Feed] => {
      const spec = specs[name] as FeedSpec;
      const label = `feeds.${name}${place}`;
      const tensor = toTensor(label, given[name], 'a Tensor or { data, shape }');
      checkFeed(label, tensor, spec, samples);
      return [name, { tensor, whole: spec.whole ?? false }];
    });
  return Object.fromEntries(feeds);
}

function refuseUnknown(key: string, names: readonly string[], place: string): never {
  const expected = names.length === 0 ? 'no feeds' : `feeds named ${names.join(', ')}`;
  const [near] = nearNames(key, names, 1);
  const mend = near === undefined ? '' : `Did you mean "${near}"?`;
  throw refused(`feeds${place}`, expected, `one named "${key}"`, mend);
}

function checkFeed(label: string, { dtype, shape }: Tensor, spec: FeedSpec, samples: number): void {
  const { whole = false, shape: expected } = spec;
  if (!whole && shape.length === 0) throw refused(label, 'an axis of samples', 'a scalar');
  if (!whole && shape[0] !== samples) {
    throw refused(label, `${samples} rows, one per sample,`, `${shape[0]}`);
  }
  const fits =
    expected === undefined ||
    expected === null ||
    (expected.length === shape.length &&
      expected.every((size, axis) => size === null || size === shape[axis] || (axis === 0 && !whole)));
  if (!fits) {
    const first = whole ? '' : ', samples first,';
    throw refused(label, `shape ${describeShape(expected ?? null)}${first}`, describeShape(shape));
  }
  if (spec.dtype === undefined || spec.dtype === dtype) return;
  if (spec.dtype === 'bool') throw wrongType(label, 'values of dtype bool', dtype);
  checkCast(label, dtype, spec.dtype);
}

/** Throws RangeError if a name of `specs` is missing in `feeds`. */
export function checkAllFed(feeds: Feeds, specs: FeedSpecs, place = ''): void {
  const names = Object.keys(specs);
  const missing = names.find((name) => !Object.hasOwn(feeds, name));
  if (missing === undefined) return;
  throw refused(`feeds${place}`, `all feeds (${names.join(', ')})`, `none for "${missing}"`);
}

/** Throws RangeError if `values` has feeds per sample. The number of samples of the source is unknown. */
export function checkOnlyWhole(values: unknown, specs: FeedSpecs): void {
  if (typeof values !== 'object' || values === null) return;
  const name = Object.keys(values).find(
    (key) => Object.hasOwn(specs, key) && !(specs[key] as FeedSpec).whole,
  );
  if (name === undefined) return;
  const mend = 'Let the source yield the feeds with each batch: { x, y, feeds }.';
  throw refused(`feeds.${name}`, 'none together with a source of unknown length', 'one', mend);
}

/** Returns the tensors of `feeds` whose axis 0 is the sample axis, in the order of `feeds`. */
export function tensorsPerSample(feeds: Feeds = NONE): readonly Tensor[] {
  return Object.values(feeds)
    .filter(({ whole }) => !whole)
    .map(({ tensor }) => tensor);
}

/** Returns `feeds` with `tensors` in place of the tensors per sample. */
export function withTensorsPerSample(feeds: Feeds = NONE, tensors: readonly Tensor[]): Feeds {
  const left = [...tensors];
  return mapFeeds(feeds, (feed) => (feed.whole ? feed : { ...feed, tensor: left.shift() as Tensor }));
}

/** Returns `feeds` with views of rows `begin` to `end` of the tensors per sample. Whole tensors stay unchanged. */
export function feedRows(feeds: Feeds = NONE, begin: number, end: number): Feeds {
  return mapFeeds(feeds, (feed) => (feed.whole ? feed : { ...feed, tensor: feed.tensor.rows(begin, end) }));
}

function mapFeeds(feeds: Feeds, change: (feed: Feed) => Feed): Feeds {
  return Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, change(feed)]));
}

/** Named tensors that a step is fed with beside inputs and units: maps, masks, references, baselines, boxes. */
import type { StaticShape } from '../binding/contract.js';
import { describeShape } from '../graph/symbolic.js';
import { checkIsObject, nearNames, refused, wrongType } from '../support/arguments.js';
import type { NumericDType } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkCast, type InputArray, toTensor } from './inputs.js';

/** What a step takes under one name. */
export interface FeedSpec {
  /**
   * false: axis 0 is the samples, and a batch has the rows of its samples. true: every part of every batch gets all of
   * it. Default false.
   */
  readonly whole?: boolean;
  /** What the step sees; other numbers are cast in the graph as inputs are. Default: the dtype that is fed. */
  readonly dtype?: NumericDType;
  /**
   * Sizes, null where any is taken; axis 0 of a feed per sample is null. One function is compiled for all that fit.
   * Default: the sizes of what is fed, and another function for other sizes.
   */
  readonly shape?: StaticShape;
}

/** What a step takes, by name. */
export type FeedSpecs = Readonly<Record<string, FeedSpec>>;

/** What a caller gives for {@link FeedSpecs}. */
export type FeedValues = Readonly<Record<string, InputArray>>;

/** A value that fits its {@link FeedSpec}. */
export interface Feed {
  readonly tensor: Tensor;
  readonly whole: boolean;
}

export type Feeds = Readonly<Record<string, Feed>>;

const NONE: Feeds = Object.freeze({});

/**
 * `values` as tensors, in the order of `specs`. Those that are missing are left out.
 *
 * @param samples the rows that a feed per sample must have.
 * @param place where the values came from, as ' of step 3'.
 * @throws TypeError, RangeError that name the feed, for an unknown name, another dtype, shape or number of rows.
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

/** Refuses `feeds` that lack what `specs` names. */
export function checkAllFed(feeds: Feeds, specs: FeedSpecs, place = ''): void {
  const names = Object.keys(specs);
  const missing = names.find((name) => !Object.hasOwn(feeds, name));
  if (missing === undefined) return;
  throw refused(`feeds${place}`, `all feeds (${names.join(', ')})`, `none for "${missing}"`);
}

/** Refuses feeds per sample beside a source that does not say how many samples it has. */
export function checkOnlyWhole(values: unknown, specs: FeedSpecs): void {
  if (typeof values !== 'object' || values === null) return;
  const name = Object.keys(values).find(
    (key) => Object.hasOwn(specs, key) && !(specs[key] as FeedSpec).whole,
  );
  if (name === undefined) return;
  const mend = 'Let the source give the feeds, too: { x, y, feeds }.';
  throw refused(`feeds.${name}`, 'none beside a source that does not tell its samples', 'one', mend);
}

/** The tensors of `feeds` whose axis 0 is the samples, in their order. */
export function tensorsPerSample(feeds: Feeds = NONE): readonly Tensor[] {
  return Object.values(feeds)
    .filter(({ whole }) => !whole)
    .map(({ tensor }) => tensor);
}

/** `feeds` with `tensors` in the place of those per sample. */
export function withTensorsPerSample(feeds: Feeds = NONE, tensors: readonly Tensor[]): Feeds {
  const left = [...tensors];
  return mapFeeds(feeds, (feed) => (feed.whole ? feed : { ...feed, tensor: left.shift() as Tensor }));
}

/** Rows `begin` to `end` of those per sample, as views, and the others as they are. */
export function feedRows(feeds: Feeds = NONE, begin: number, end: number): Feeds {
  return mapFeeds(feeds, (feed) => (feed.whole ? feed : { ...feed, tensor: feed.tensor.rows(begin, end) }));
}

function mapFeeds(feeds: Feeds, change: (feed: Feed) => Feed): Feeds {
  return Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, change(feed)]));
}

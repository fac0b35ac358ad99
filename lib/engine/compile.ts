/** Compiles a function over symbolic tensors, or takes the compiled function from the model's cache. */
import type { DType, StaticShape } from '../binding/contract.js';
import { ensureTensorflow } from '../binding/loader.js';
import type { Batch, FileFeed } from '../data/batch.js';
import { checkAllFed, type Feed, type FeedSpecs } from '../data/feeds.js';
import { fixedBatchSize } from '../graph/layer.js';
import { cast } from '../graph/ops/array.js';
import { unpackStrings } from '../graph/packed_strings.js';
import { describeShape, type Symbolic } from '../graph/symbolic.js';
import { Trace } from '../graph/trace.js';
import type { Lease } from '../model/function_cache.js';
import type { Model } from '../model/model.js';

/** The properties of a batch that a compiled function depends on. */
export interface Signature {
  readonly inputs: readonly { readonly dtype: DType; readonly shape: StaticShape }[];
  /** Set if paths are fed. */
  readonly files?: FileFeed | undefined;
  /** Units per sample: every unit, exactly one (the gradient then needs no loop), or several. */
  readonly units: 'all' | 'one' | 'several';
  /** The sizes of `indices` behind the samples and units: [k] if a unit is a tuple of k indices. */
  readonly tuple: readonly number[];
  /** The feeds in the order in which they are fed. */
  readonly feeds: readonly FeedSignature[];
}

interface FeedSignature {
  readonly name: string;
  /** The dtype of the fed tensor. */
  readonly fed: DType;
  /** The dtype in the step. */
  readonly dtype: DType;
  readonly shape: StaticShape;
  readonly whole: boolean;
}

/**
 * Returns the signature of `batch`. Sizes that the model or `specs` leave open stay open, so one function serves inputs
 * and feeds of any size. Throws RangeError if the batch lacks a feed.
 */
export function signatureOf(model: Model, batch: Batch, specs: FeedSpecs = {}): Signature {
  const { indices, files } = batch;
  const feeds = feedSignatures(batch, specs);
  const units = indices === null ? 'all' : indices.shape[1] === 1 ? 'one' : 'several';
  const tuple = indices?.shape.slice(2) ?? [];
  if (files !== undefined) {
    const samples = fixedBatchSize(model.inputs);
    return { inputs: [{ dtype: 'string', shape: [samples] }], files: files.feed, units, tuple, feeds };
  }
  const inputs = batch.inputs.map(({ dtype, shape }, i) => {
    const input = model.inputs[i];
    // Strings are packed along one more axis.
    if (input?.dtype === 'string') {
      return { dtype: input.dtype, shape: input.shape ?? shape.slice(1).map(() => null) };
    }
    return { dtype, shape: input?.shape ?? shape.map(() => null) };
  });
  return { inputs, units, tuple, feeds };
}

function feedSignatures({ feeds = {} }: Batch, specs: FeedSpecs): readonly FeedSignature[] {
  checkAllFed(feeds, specs, ' of a batch');
  return Object.entries(specs).map(([name, { dtype, shape, whole = false }]) => {
    const { tensor } = feeds[name] as Feed;
    const [, ...sizes] = tensor.shape;
    const known = shape ?? (whole ? tensor.shape : [null, ...sizes]);
    return { name, fed: tensor.dtype, dtype: dtype ?? tensor.dtype, shape: known, whole };
  });
}

/** Returns a key of `signature`. Signatures with equal keys compile to equal functions. */
export function kindOf({ inputs, files, units, tuple, feeds }: Signature): string {
  const fed = inputs.map(({ dtype, shape }) => `${dtype} ${describeShape(shape)}`);
  return `${fed.join()} ${files?.key ?? ''} ${units} ${tuple} ${JSON.stringify(feeds)}`;
}

/** The symbolic tensors that a step receives. */
export interface StepSymbols {
  /** The inputs in the model's order and dtypes. */
  readonly inputs: readonly Symbolic[];
  readonly indices: Symbolic | null;
  readonly feeds: Readonly<Record<string, Symbolic>>;
}

/**
 * Records `step` for batches of `signature` and lends the compiled function. The function comes from the cache if the
 * cache has one with an equal recording. Otherwise a background thread builds a new function.
 *
 * @param key the key under which `recall` finds the function.
 * @param logits how many of the step's results, from the first on, are logits; default: all.
 */
export async function compile(
  model: Model,
  signature: Signature,
  step: (symbols: StepSymbols) => Readonly<Record<string, Symbolic>>,
  key: string,
  logits?: number,
): Promise<Lease> {
  const addon = await ensureTensorflow();
  model.checkOpen();
  const { functions } = model.core;
  const session = { ...model.core.session, logits };
  const trace = Trace.create(addon);
  const results = trace.run(() => {
    const fed = signature.inputs.map(({ dtype, shape }, i) => trace.placeholder(dtype, shape, `input_${i}`));
    const units = signature.units === 'one' ? 1 : null;
    const indices =
      signature.units === 'all'
        ? null
        : trace.placeholder('int32', [null, units, ...signature.tuple], 'indices');
    const named = signature.feeds.map(({ name, fed: dtype, shape, whole }, i): [string, Symbolic] => [
      name,
      trace.placeholder(dtype, shape, `feed_${i}`, whole),
    ]);
    const { files } = signature;
    const made = fed.map((input) => {
      if (files !== undefined) return files.record(input);
      return input.dtype === 'string' ? unpackStrings(input) : input;
    });
    return step({
      inputs: made.map((input, i) => cast(input, model.inputs[i]?.dtype ?? input.dtype)),
      indices,
      feeds: Object.fromEntries(
        named.map(([name, feed], i) => [name, cast(feed, signature.feeds[i]?.dtype ?? feed.dtype)]),
      ),
    });
  });
  const names = Object.keys(results);
  const fetches = Object.values(results);
  const fingerprint = JSON.stringify([trace.fingerprint(fetches, session), names]);
  const lease = functions.lend(fingerprint, () => trace.compile(fetches, session), names);
  functions.remember(key, fingerprint);
  return lease;
}

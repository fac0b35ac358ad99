import { availableParallelism } from 'node:os';
import type { DType, NativeFunction, NativeTensor, StaticShape } from '../binding/contract.js';
import { ensureTensorflow } from '../binding/loader.js';
import { localStrategy } from '../binding/local_strategy.js';
import type { Symbolic } from '../graph/symbolic.js';
import { Trace } from '../graph/trace.js';
import { nativeAsync } from '../support/errors.js';
import { Tensor } from '../tensor/tensor.js';

/** The number of pictures that one process works on at once. More pictures would only need more memory. */
export const IMAGE_REPLICAS = Math.min(4, availableParallelism());

/**
 * The dtype and shape of a feed. A feed other than a scalar has a leading axis of size 1, because the native run treats
 * axis 0 as the batch.
 */
export interface FeedSpec {
  readonly dtype: DType;
  readonly shape: StaticShape;
}

/** Runs a compiled graph off the JavaScript thread. Returns its only output. */
export type ImageFunction = (...feeds: readonly Tensor[]) => Promise<Tensor>;

/**
 * Returns a function that runs a graph of image ops. The graph is compiled at the first run and kept; no model is
 * needed.
 *
 * @param record is called once with a placeholder per feed. Its result has a leading axis of size 1.
 */
export function imageFunction(
  feeds: readonly FeedSpec[],
  record: (...feeds: readonly Symbolic[]) => Symbolic,
): ImageFunction {
  let compiled: Promise<NativeFunction> | null = null;
  return async (...values) => {
    // A failed compilation is not cached: TensorFlow may be installed later.
    compiled ??= compile(feeds, record).catch((error: unknown) => {
      compiled = null;
      throw error;
    });
    const compiledFunction = await compiled;
    const aligned: NativeTensor[] = [];
    for (const value of values) aligned.push(await value.toAligned());
    const [output] = await nativeAsync(() => compiledFunction.run(aligned, { shardSize: 1 }));
    return Tensor.fromNative(output as NativeTensor);
  };
}

async function compile(
  feeds: readonly FeedSpec[],
  record: (...feeds: readonly Symbolic[]) => Symbolic,
): Promise<NativeFunction> {
  const addon = await ensureTensorflow();
  const trace = Trace.create(addon);
  const output = trace.run(() =>
    record(...feeds.map(({ dtype, shape }, i) => trace.placeholder(dtype, shape, `image_feed_${i}`))),
  );
  return trace.compile([output], { intraOp: 1, strategy: localStrategy(addon, IMAGE_REPLICAS) });
}

/** Caches one function per key. The function is made at the first request. */
export function perKey<Key extends string>(make: (key: Key) => ImageFunction): (key: Key) => ImageFunction {
  const made = new Map<Key, ImageFunction>();
  return (key) => {
    let found = made.get(key);
    if (found === undefined) {
      found = make(key);
      made.set(key, found);
    }
    return found;
  };
}

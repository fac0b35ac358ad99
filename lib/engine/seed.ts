/** The seed of the random numbers that a model draws, as a feed. */
import type { FeedSpecs, Feeds } from '../data/feeds.js';
import type { Model } from '../model/model.js';
import { tensor } from '../tensor/tensor.js';

/** The name of the feed. No feed of a step has this name. */
export const SEED = 'seed of the run';

/** Returns the feed of `seed` and its declaration. Both are empty for a model that draws no random numbers. */
export function seedFeed(model: Model, seed: number): { readonly specs: FeedSpecs; readonly feeds: Feeds } {
  if (!model.core.native.drawsRandom) return { specs: {}, feeds: {} };
  return {
    specs: { [SEED]: { dtype: 'int32', shape: [], whole: true } },
    feeds: { [SEED]: { tensor: tensor(Int32Array.of(seed), []), whole: true } },
  };
}

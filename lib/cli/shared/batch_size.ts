import { fixedBatchSize } from '../../graph/layer.js';
import type { Model } from '../../model/model.js';

const DEFAULT = 16;

/** The text of `--batch-size` about its default. */
export const BATCH_SIZE_DEFAULT = `(default: ${DEFAULT}, or the only batch size that the model takes)`;

/** Returns the number of pictures or rows to process at once: `given`, the model's fixed batch size, or 16. */
export function batchSizeOf({ inputs }: Pick<Model, 'inputs'>, given: number | undefined): number {
  return given ?? fixedBatchSize(inputs) ?? DEFAULT;
}

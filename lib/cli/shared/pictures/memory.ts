import { totalmem } from 'node:os';
import { MOST_PIXELS } from '../../../image/decode.js';
import { bytesPerElement } from '../../../tensor/dtype.js';
import { UsageError } from '../failure.js';
import { formatBytes } from '../numbers.js';
import type { Target } from './target.js';

/** Bytes that this process may use: the machine's memory, or its cgroup's share of it. */
export function memoryLimit(): number {
  // No limit is 0, or a number beyond any machine's memory.
  const share = process.constrainedMemory();
  return share > 0 ? Math.min(share, totalmem()) : totalmem();
}

export interface Demand {
  /** Pictures at once. */
  readonly batchSize: number;
  /** What `--size` asked for, if it did. */
  readonly size?: readonly [height: number, width: number];
  /** Sizes beside the picture's own, in which the model is given it one after the other. */
  readonly scales?: readonly number[];
}

/**
 * Refuses sizes of which the model's input alone is more than the memory: TensorFlow would say so late and in its own
 * words, or the system end the process. What the model's layers take in addition is not known beforehand.
 *
 * @param limit bytes that there are.
 */
export function checkMemory(
  { size, channels, dtype }: Pick<Target, 'size' | 'channels' | 'dtype'>,
  { batchSize, size: asked, scales = [] }: Demand,
  limit = memoryLimit(),
): void {
  const check = (flag: string, what: string, bytes: number, mend: string) => {
    if (bytes <= limit) return;
    throw new UsageError(
      `${flag}: ${what} takes ${formatBytes(bytes)} as the model's input alone, but there are ` +
        `${formatBytes(limit)} of memory. ${mend}`,
    );
  };
  const element = bytesPerElement(dtype);
  const bytesOf = (height: number, width: number) => height * width * channels * element;
  const one = bytesOf(...size);
  check('--size', `a picture of ${size.join('x')}`, one, 'Choose a smaller one.');
  const mend = `Choose a smaller one${asked === undefined ? '' : ', or a smaller --size'}.`;
  check('--batch-size', `a batch of ${batchSize} pictures of ${size.join('x')}`, one * batchSize, mend);
  for (const scale of scales) {
    const [height, width] = size.map((each) => Math.round(each * scale)) as [number, number];
    const what = `a picture ${scale} times as large, ${height}x${width},`;
    if (height * width > MOST_PIXELS) {
      throw new UsageError(`--scales: ${what} has more than ${MOST_PIXELS} pixels. Choose smaller ones.`);
    }
    check('--scales', what, bytesOf(height, width), 'Choose smaller ones.');
  }
}

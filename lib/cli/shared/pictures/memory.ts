import { totalmem } from 'node:os';
import { MOST_PIXELS } from '../../../image/decode.js';
import { bytesPerElement } from '../../../tensor/dtype.js';
import { UsageError } from '../failure.js';
import { formatBytes } from '../numbers.js';
import type { Target } from './target.js';

/** Returns the bytes that this process may use: the machine's memory, or the limit of the cgroup. */
export function memoryLimit(): number {
  // Without a limit, the value is 0 or larger than the memory of any machine.
  const share = process.constrainedMemory();
  return share > 0 ? Math.min(share, totalmem()) : totalmem();
}

export interface Demand {
  /** Pictures per batch. */
  readonly batchSize: number;
  /** The value of `--size`, if given. */
  readonly size?: readonly [height: number, width: number];
  /** Further sizes of the picture, as multiples of its size. The model receives them one after the other. */
  readonly scales?: readonly number[];
}

/**
 * Throws UsageError if the model's input alone exceeds the memory. TensorFlow would report this late and less clearly,
 * or the system would end the process. The memory of the model's layers is not known beforehand.
 *
 * @param limit available bytes.
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

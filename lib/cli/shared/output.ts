import { whyNotWritable } from '../../support/writable.js';
import { UsageError } from './failure.js';

/**
 * Refuses a directory that cannot be made or written to, before hours go into what would be written there.
 *
 * @param flag the option that named it, for the message.
 */
export async function checkOutput(flag: string, directory: string): Promise<void> {
  const reason = await whyNotWritable(directory);
  if (reason !== null) throw new UsageError(`${flag}: ${reason}. Choose another place.`);
}

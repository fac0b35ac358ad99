import { whyNotWritable } from '../../support/writable.js';
import { UsageError } from './failure.js';

/**
 * Throws if a directory cannot be created or written to, before a long run computes its files.
 *
 * @param flag the option that names the directory, for the message.
 */
export async function checkOutput(flag: string, directory: string): Promise<void> {
  const reason = await whyNotWritable(directory);
  if (reason !== null) throw new UsageError(`${flag}: ${reason}. Choose another place.`);
}

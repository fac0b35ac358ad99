import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { TensorflowInstallError } from './install_errors.js';

/**
 * Downloads a URL into a file. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are respected. `progress` receives the size in
 * bytes, or 0 if the server does not report the size, and returns a listener that receives the size of every block. The
 * caller checks the SHA-256.
 */
export async function fetchFile(
  url: string,
  file: string,
  progress: (total: number) => (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const dispatcher = new EnvHttpProxyAgent();
  try {
    const response = await fetch(url, { dispatcher, signal });
    if (!response.ok || response.body === null) {
      throw new TensorflowInstallError(`${url} answered ${response.status} ${response.statusText}`);
    }
    const report = progress(Number(response.headers.get('content-length') ?? 0));
    const body = Readable.fromWeb(response.body);
    body.on('data', (block: Uint8Array) => report(block.length));
    await pipeline(body, createWriteStream(file), { signal });
  } catch (error) {
    if (signal?.aborted || error instanceof TensorflowInstallError) throw error;
    const { cause, message } = error as Error;
    throw new TensorflowInstallError(
      `${url} could not be fetched: ${(cause as Error | undefined)?.message ?? message}`,
      {
        cause: error,
      },
    );
  } finally {
    await dispatcher.close();
  }
}

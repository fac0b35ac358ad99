/** Finds the file that caused the failure of a run whose graph reads pictures from files. */
import type { NativeNumerics, NativeTensor, NativeWorkerFailure } from '../../binding/contract.js';
import { loadedAddon } from '../../binding/loader.js';
import type { Batch } from '../../data/batch.js';
import * as ops from '../../graph/ops/index.js';
import { packStrings, unpackStrings } from '../../graph/packed_strings.js';
import { Trace } from '../../graph/trace.js';
import { readBytes } from '../../image/file_graph.js';
import { withName } from '../../image/read.js';
import type { Model } from '../../model/model.js';
import { ImageError, KerasExplainableError, nativeAsync, ResourceError } from '../../support/errors.js';
import { Tensor } from '../../tensor/tensor.js';

/**
 * Returns the ImageError of the file that caused `error` in a run of `batch`. Returns any other error unchanged.
 * TensorFlow's decoders do not name the file that they refuse. The contents of each file are therefore fetched from the
 * machine that read the file, until this process refuses one of them too.
 */
export async function withFile(error: unknown, model: Model, { files }: Batch): Promise<unknown> {
  if (files === undefined || model.closed || !mayBeOfFile(error)) return error;
  const { feed, paths } = files;
  const trace = Trace.create(loadedAddon());
  const contents = trace.run(() => {
    const path = unpackStrings(trace.placeholder('string', [1], 'path'));
    return ops.expandDims(readBytes(ops.reshape(path, []), feed.maxBytes), 0);
  });
  const reader = await trace.compile([contents], model.core.session).catch(() => null);
  if (reader === null) return error;
  try {
    for (const path of paths) {
      const fed = packStrings('x', [path], [1]);
      let read: Tensor | null = null;
      try {
        const feeds = [await fed.toAligned()];
        const run = () => reader.run(feeds, { shardSize: 1 });
        const [bytes] = await nativeAsync(() => model.core.strategy.during(run));
        read = Tensor.fromNative(bytes as NativeTensor);
        await feed.check(read.data as Uint8Array);
      } catch (found) {
        return mayBeOfFile(found) ? ofFile(found, path) : error;
      } finally {
        fed.release();
        read?.release();
      }
    }
  } finally {
    reader.close();
  }
  return error;
}

function mayBeOfFile(error: unknown): error is KerasExplainableError {
  if (!(error instanceof KerasExplainableError)) return false;
  const { numerics, worker } = (error.cause ?? {}) as {
    numerics?: NativeNumerics;
    worker?: NativeWorkerFailure;
  };
  const others = ['CANCELLED', 'CLOSED', 'DEADLINE_EXCEEDED', 'UNAVAILABLE'];
  return (
    numerics === undefined &&
    worker === undefined &&
    !(error instanceof ResourceError) &&
    !others.includes(error.code)
  );
}

function ofFile(error: KerasExplainableError, path: string): unknown {
  if (error instanceof ImageError) return withName(error, path);
  const reason =
    error.code === 'NOT_FOUND'
      ? 'The machine that runs the model has no such file.'
      : firstLine(error.message);
  return new ImageError(error.code, `${path}: ${reason}`, { cause: error, op: error.op });
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] as string;
}

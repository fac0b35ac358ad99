import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { localStrategy } from '../../../lib/binding/local_strategy.js';
import * as ops from '../../../lib/graph/ops/index.js';
import type { Symbolic } from '../../../lib/graph/symbolic.js';
import { Trace } from '../../../lib/graph/trace.js';
import { Tensor, tensor } from '../../../lib/tensor/tensor.js';

export interface Evaluated {
  readonly shape: readonly number[];
  readonly values: readonly (number | bigint)[];
  readonly dtype: string;
}

/** Records `record`, compiles and runs it once, and returns what its tensors are. */
export async function evaluateAll(record: () => readonly Symbolic[]): Promise<Evaluated[]> {
  const addon = await ensureTensorflow();
  const trace = Trace.create(addon);
  const fetches = trace.run(() => {
    // A run needs a feed, and axis 0 of everything is its samples.
    trace.placeholder('int32', [1], 'tick');
    return record().map((symbol) => ops.expandDims(symbol, 0));
  });
  const compiled = await trace.compile(fetches, { intraOp: 1, strategy: localStrategy(addon, 1) });
  const outputs = await compiled.run([await tensor([0], [1], 'int32').toAligned()], { shardSize: 1 });
  compiled.close();
  return outputs.map((output) => {
    const made = Tensor.fromNative(output);
    return { shape: made.shape.slice(1), values: [...made.data], dtype: made.dtype };
  });
}

export async function evaluate(record: () => Symbolic): Promise<Evaluated> {
  const [only] = await evaluateAll(() => [record()]);
  return only as Evaluated;
}

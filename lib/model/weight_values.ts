import { ensureTensorflow } from '../binding/loader.js';
import { localStrategy } from '../binding/local_strategy.js';
import type { TensorSpec } from '../graph/layer.js';
import { zeros } from '../graph/ops/array.js';
import type { Symbolic } from '../graph/symbolic.js';
import { Trace } from '../graph/trace.js';
import { nativeAsync } from '../support/errors.js';
import { Tensor } from '../tensor/tensor.js';
import type { Model } from './model.js';

/**
 * @internal Values that follow from a model's weights alone: `record` is given the tensors `specs`, none of which
 * depends on the inputs, and what it returns is computed once, off the JavaScript thread.
 */
export async function evaluate(
  model: Model,
  specs: readonly TensorSpec[],
  record: (values: readonly Symbolic[]) => readonly Symbolic[],
): Promise<readonly Tensor[]> {
  if (specs.length === 0) return [];
  const addon = await ensureTensorflow();
  model.checkOpen();
  const { native } = model.core;
  const trace = Trace.create(addon);
  const fetches = trace.run(() => {
    const inputs = model.inputs.map(({ dtype, shape }) =>
      zeros(
        (shape ?? []).map((size) => size ?? 1),
        dtype,
      ),
    );
    const values = trace.callModel(
      native,
      native.drawsRandom ? [...inputs, zeros([], 'int32')] : inputs,
      specs.map(({ name }) => name),
    );
    return record(values);
  });
  const compiled = await trace.compile(fetches, { intraOp: 1, strategy: localStrategy(addon, 1) });
  try {
    const outputs = await nativeAsync(() => compiled.run([], { shardSize: 1 }));
    return outputs.map((output) => Tensor.fromNative(output));
  } finally {
    compiled.close();
  }
}

/** Describes the values that a run with `runEagerly` refused in terms of the model's layers. */
import type { NativeNumerics } from '../../binding/contract.js';
import type { Batch } from '../../data/batch.js';
import type { Model } from '../../model/model.js';
import { KerasExplainableError, NumericsError } from '../../support/errors.js';

/** Returns the NumericsError for `error` if a numerics check caused it. Returns any other error unchanged. */
export function withLayer(error: unknown, model: Model, batch: Batch): unknown {
  if (!(error instanceof KerasExplainableError)) return error;
  const { numerics } = (error.cause ?? {}) as { numerics?: NativeNumerics };
  if (numerics === undefined) return error;
  const { type, pass, value, ofModel } = numerics;
  const { op } = error;
  const layer = ofModel && !model.closed ? (model.core.native.layerOf(op)?.join('/') ?? null) : null;
  const { step } = batch;
  const message = `${describe(op, layer, numerics)} (in step ${step}).`;
  return new NumericsError(message, { cause: error.cause, op, layer, pass, step, type, value });
}

function describe(op: string, layer: string | null, { type, pass, value, ofModel }: NativeNumerics): string {
  if (type === 'Input') return `The input '${op}' holds ${value}`;
  const place = layer !== null ? ` of layer '${layer}'` : ofModel ? ' of the model' : ' of the method';
  if (type === 'Weight') return `The weight '${op}'${place} holds ${value}`;
  if (type === 'Const') return `The constant '${op}'${place} holds ${value}`;
  const what = `op '${op}' (${type})${place}`;
  return pass === 'backward'
    ? `The gradient of ${what} gave ${value} in the backward pass`
    : `The ${what} gave ${value} in the forward pass`;
}

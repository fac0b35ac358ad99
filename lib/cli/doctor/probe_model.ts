import type { TensorSpec } from '../../graph/layer.js';
import { loadModel } from '../../load_model.js';
import type { Model } from '../../model/model.js';
import { type Exposed, exposedOf } from '../layers/facts.js';
import { explainBatch } from '../shared/methods/explaining.js';
import { explainedModel } from '../shared/methods/exposed.js';
import { type NamedMethod, VOCABULARY } from '../shared/methods/vocabulary.js';
import { positionsOf, syntheticInputs } from '../shared/synthetic.js';
import { numbersOf } from '../shared/values.js';

export interface ModelProbe {
  readonly kind: 'model';
  readonly path: string;
  readonly signature?: string;
  readonly allowOps?: readonly string[];
  readonly allowRandom?: boolean;
}

/** The facts about a model and its first explanation. */
export interface ProbedModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly layers: number;
  readonly exposed: Exposed;
  /** One explanation of a synthetic sample. */
  readonly explained: ProbedExplanation | { readonly method: string; readonly failed: string };
}

export interface ProbedExplanation {
  readonly method: string;
  readonly maps: readonly number[];
  readonly finite: boolean;
  /** The duration, including compilation. */
  readonly milliseconds: number;
}

/** The size of a sample's positions if the model takes any size. */
const SIZE = [64];

/** Loads a model and explains one sample with Grad-CAM, or with gradients if no activations are exposed by default. */
export async function probeModel({
  path,
  signature,
  allowOps,
  allowRandom,
}: ModelProbe): Promise<ProbedModel> {
  const model = await loadModel(path, { signature, allowOps, allowRandom });
  try {
    const exposed = exposedOf(model);
    return {
      inputs: model.inputs,
      outputs: model.outputs,
      layers: model.layers.length,
      exposed,
      explained: await explainOnce(model, 'refused' in exposed ? 'gradients' : 'gradcam'),
    };
  } finally {
    model.close();
  }
}

async function explainOnce(model: Model, name: string): Promise<ProbedModel['explained']> {
  const [method] = VOCABULARY.build([name], {}, 'none') as [NamedMethod];
  const begun = performance.now();
  try {
    const inputs = syntheticInputs(model.inputs, 1, SIZE);
    const maps = await explainBatch(
      method,
      explainedModel(model, method, undefined, 'linear'),
      inputs,
      [[0]],
      {
        batchSize: 1,
        signal: new AbortController().signal,
        spatialAxis: positionsOf(model.inputs),
      },
    );
    return {
      method: name,
      maps: maps.shape,
      finite: numbersOf(maps).every(Number.isFinite),
      milliseconds: performance.now() - begun,
    };
  } catch (error) {
    return { method: name, failed: (error as Error).message };
  }
}

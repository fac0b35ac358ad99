/** Many callers of single samples on a network of MobileNet's size: calls coalesced into batches, and calls alone. */
import * as ke from 'keras-explainable';
import { network } from '../../scripts/bench/models.mjs';
import { noise } from '../models.mjs';
import { RATE, times } from './against.mjs';
import { serve } from './explainer.mjs';

const { gradcam } = ke.methods.cams;

const row = (callers) => ({
  name: `coalescing-${callers}`,
  title: `explainer, Grad-CAM of MobileNetV2, ${callers} caller${callers === 1 ? '' : 's'}: maxBatchSize 8 compared with 1`,
  metrics: {
    coalesced: RATE,
    alone: RATE,
    // A single caller shares no batch, so the ratio has no target.
    ratio: times('coalesced', 'alone', callers === 1 ? undefined : { atLeast: 2 }),
  },
  async open() {
    const model = await ke.loadModel(await network('MobileNetV2'));
    const exposed = ke.inspection.expose(model);
    const x = noise(model, 1);
    const rate = async (maxBatchSize) =>
      (await serve({ method: gradcam, exposed, x, callers, options: { maxBatchSize } })).calls;
    return {
      async measure() {
        return { coalesced: await rate(8), alone: await rate(1) };
      },
      async close() {
        model.close();
      },
    };
  },
});

export const COALESCING = [1, 2, 4, 8, 16].map(row);

/** Models that come and go. */
import { setImmediate as turn } from 'node:timers/promises';
import { gradcam, ke, loadFrozen, raw, SAVED, samples } from './models.mjs';

/** Of both kinds, used or not, closed, closed under a call, or left to the collector. */
async function loadsAndCloses() {
  const x = samples(2);
  return {
    async step(i) {
      const model = await (i % 2 === 0 ? loadFrozen() : ke.loadModel(SAVED));
      const use = i % 10;
      if (use === 0) await ke.explain(gradcam, model, x, null, raw());
      else if (use === 3) await ke.explain(gradcam, ke.inspection.expose(model), x, null, raw());
      else if (use === 5) await model.predict(x);
      else if (use === 8) {
        const failure = ke.explain(gradcam, model, x, null, raw()).then(
          () => null,
          (error) => error,
        );
        await turn();
        model.close();
        const error = await failure;
        if (error !== null && error.code !== 'CLOSED') throw error;
      }
      if (i % 5 !== 4) model.close();
      return 1;
    },
    end: async () => undefined,
  };
}

export const loads = { 'loads and closes': { count: 1000, begin: loadsAndCloses } };

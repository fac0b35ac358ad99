/** Calls of one model, small and many. */
import { gradcam, ke, loadFrozen, raw, SAVED, samples } from './models.mjs';

/** Of all ways to ask for one sample, with options, filters and closures made for the call alone. */
async function smallCalls() {
  const model = await loadFrozen();
  const x = samples(1);
  const explainer = ke.createExplainer(gradcam, model, { resizing: false });
  const explain = (options) => ke.explain(gradcam, model, x, [[1]], options);
  return {
    /** Twenty calls. */
    async step() {
      await Promise.all(Array.from({ length: 8 }, () => explainer.explain(x, [[1]])));
      for (let i = 0; i < 5; i++) await model.predict(x, {});
      for (let i = 0; i < 4; i++) await explain(raw({ force: false }));
      await explain(raw());
      await explain(raw({ postprocessing: (maps) => ke.filters.positiveNormalize(maps) }));
      await ke.partialExplain(gradcam, raw())(model, x, [[1]]);
      return 20;
    },
    async end() {
      await explainer.close();
      model.close();
    },
  };
}

/** Of which each is another to compile, and pushes one out of the model's cache. */
async function newFunctions() {
  const model = await loadFrozen();
  const x = samples(1);
  return {
    async step(i) {
      await ke.explain(gradcam, model, x, [[1]], raw({ resizing: [2 + i, 3] }));
      return 1;
    },
    end: async () => model.close(),
  };
}

/** The same function by ever new names: closures as methods and filters, views of the model, explainers. */
async function newClosures() {
  const model = await ke.loadModel(SAVED);
  const x = samples(2);
  return {
    async step(i) {
      const method = (args) => gradcam(args);
      const view = ke.inspection.expose(model);
      await ke.explain(method, view, x, [[1], [0]], raw({ force: i % 3 === 0 }));
      const explainer = ke.createExplainer(method, view, { resizing: false });
      await explainer.explain(x.rows(0, 1), [[1]]);
      await explainer.close();
      return 1;
    },
    end: async () => model.close(),
  };
}

export const calls = {
  'small calls': { count: 100_000, begin: smallCalls },
  'new functions': { count: 1000, begin: newFunctions },
  'new closures': { count: 4000, begin: newClosures },
};

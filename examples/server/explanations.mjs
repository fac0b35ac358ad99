/** Explains a picture's bytes: class scores and an overlay. */
import { readFile } from 'node:fs/promises';
import * as ke from 'keras-explainable';

/** The maximum length of an overlay's longer side, in pixels. */
const LONGEST_SIDE = 1024;

/**
 * Grad-CAM of the requested units, or of the unit with the highest logit. The same graph finds this unit. Returns the
 * logits of all classes. The model is called once: `called` returns the outputs of this call to Grad-CAM.
 */
function gradcamOfTop({ model, inputs, indices, ...rest }) {
  const { ops } = ke.graph;
  const outputs = model(inputs, 2);
  const [logits] = outputs;
  const units = indices ?? ops.expandDims(ops.argmax(logits, -1), -1);
  // The properties of the model are its own: methods read its layers and outputs.
  const called = Object.assign(() => outputs, model);
  const { maps } = ke.methods.cams.gradcam({ ...rest, model: called, inputs, indices: units });
  return { logits, maps };
}

/** Loads the model and warms up its explainer. `close()` of the result closes both. */
export async function openExplanations(options) {
  const labels =
    options.labels === undefined ? [] : (await readFile(options.labels, 'utf8')).trimEnd().split(/\r?\n/);
  const model = await ke.loadModel(options.model);
  // Gradients of saturated probabilities vanish, so the logits are explained.
  const exposed = ke.inspection.expose(model, options.layer, { activation: 'linear' });
  const explainer = ke.createExplainer(gradcamOfTop, exposed, {
    maxBatchSize: options.maxBatchSize,
    maxDelayMs: options.maxDelayMs,
    maxQueueSize: options.maxQueueSize,
    postprocessing: ke.filters.positiveNormalize,
    // The overlay enlarges the map to the size of the picture.
    resizing: false,
  });
  const [, height, width, channels] = model.inputs[0].shape;
  const explanations = new Explanations(model, explainer, labels, {
    input: {
      size: [height ?? options.size, width ?? options.size],
      channels,
      dtype: model.inputs[0].dtype,
      preprocess: options.preprocess,
    },
    units: exposed.outputs[0].shape.at(-1),
    activation: ke.inspection.outputActivation(model),
    maxPixels: options.maxPixels,
  });
  try {
    await explanations.warmUp();
  } catch (error) {
    await explanations.close();
    throw error;
  }
  return explanations;
}

/** @typedef {{ unit: number, label: string, score: number }} ClassScore */

class Explanations {
  #model;
  #labels;
  #settings;

  constructor(model, explainer, labels, settings) {
    this.#model = model;
    this.explainer = explainer;
    this.#labels = labels;
    this.#settings = settings;
  }

  /** The number of classes of the model. */
  get units() {
    return this.#settings.units;
  }

  /**
   * @param {Uint8Array} bytes a JPEG, PNG, GIF or BMP
   * @param {{ unit?: number, top: number, alpha: number, client?: string, signal?: AbortSignal, timeout?: number }}
   *   request
   * @returns {Promise<{ explained: ClassScore, classes: ClassScore[], overlay: Buffer }>} `overlay`: a PNG
   */
  async explain(bytes, { unit, top, alpha, ...call }) {
    const { input, maxPixels } = this.#settings;
    /** Tensors whose native memory is released at the end, without waiting for the garbage collector. */
    const made = [];
    const keep = (tensor) => {
      made.push(tensor);
      return tensor;
    };
    try {
      const picture = keep(await ke.image.decodeImage(bytes, { maxPixels }));
      call.signal?.throwIfAborted();
      const x = keep(await ke.image.prepareImage(picture, input));
      const { logits, maps } = await this.explainer.explain(x, unit === undefined ? null : [[unit]], call);
      keep(logits);
      keep(maps);
      const scores = scoresOf(logits.data, this.#settings.activation);
      const ranked = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
      const named = (each) => ({
        unit: each,
        label: this.#labels[each] ?? `unit ${each}`,
        score: Number(scores[each].toFixed(6)),
      });
      const shown = keep(await ke.image.fitImage(picture, LONGEST_SIDE));
      const painted = keep(await ke.image.overlay(shown, maps, { alpha }));
      const png = await ke.image.encodePng(painted);
      return {
        explained: named(unit ?? ranked[0]),
        classes: ranked.slice(0, top).map(named),
        overlay: Buffer.from(png.buffer, png.byteOffset, png.byteLength),
      };
    } finally {
      for (const tensor of made) tensor.release();
    }
  }

  /** Compiles the functions of the first requests: the method with and without a unit, and the ops for pictures. */
  async warmUp() {
    const { size, channels, dtype } = this.#settings.input;
    const grey = ke.tensor(new Uint8Array(size[0] * size[1] * 3).fill(128), [1, ...size, 3]);
    const x = await ke.image.prepareImage(grey, { size, channels, dtype });
    await this.explainer.warmUp(x);
    await this.explainer.warmUp(x, [[0]]);
    for (const bytes of [await ke.image.encodePng(grey), await ke.image.encodeJpeg(grey)]) {
      await this.explain(bytes, { top: 1, alpha: 0.5 });
    }
  }

  /** Answers the waiting calls within at most `timeout` milliseconds, and then frees the model. */
  async close(timeout) {
    await this.explainer.close(timeout === undefined ? {} : { timeout });
    this.#model.close();
  }
}

/**
 * Returns the model's own probabilities for a row of logits. A model without a final activation gives logits: a single
 * one is that of a sigmoid, several are those of a softmax.
 */
function scoresOf(logits, activation) {
  if (activation === 'sigmoid' || (activation === null && logits.length === 1)) {
    return Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
  }
  const most = logits.reduce((a, b) => Math.max(a, b));
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

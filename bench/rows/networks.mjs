/** Compares this package with other libraries, on real networks and 224 x 224 pictures. */
import { network, onnx } from '../../scripts/bench/models.mjs';
import { correlation } from '../correlation.mjs';
import { against, ONNX, OWN, PYTHON, times } from './against.mjs';

const BATCH = 8;
const SAMPLES = 32;
const RESNET = 'ResNet50V2';

/** Returns a function that resolves to a job on a network. Default: a network of Keras 2. */
const job =
  (method, { of = RESNET, keras = 2, samples = SAMPLES, precision = 'float32', force = false } = {}) =>
  async () => ({ model: await network(of, keras), method, samples, batchSize: BATCH, precision, force });

const of = (what) => `${what} of ${SAMPLES} samples of ${RESNET}, in batches of ${BATCH}`;

const CORRELATION = 'rank correlation with float32';
const PREDICTIONS = 'own predictions';
/** By default the library compiles its function at every call. */
const COMPILING = 'Python library, compiling (default)';

/**
 * Returns a row that compares with the Python library. In float32 the maps must be equal. In bfloat16 the rank
 * correlation of the maps is measured.
 */
function explaining({ name, what, method, precision = 'float32', atLeast, equal, sides = [], metrics = {} }) {
  const exact = precision === 'float32';
  return against({
    name: exact ? name : `${name}-${precision}`,
    title: exact ? of(what) : `${of(what)}, precision ${precision}`,
    sides: [
      { of: OWN, job: job(method, { precision, force: true }) },
      { of: PYTHON, job: job(method) },
      { of: PYTHON, label: COMPILING, job: job(method, { force: true }) },
      ...sides.map((side) => side(precision)),
    ],
    metrics: {
      ratio: times('here', 'Python library', { atLeast }),
      'ratio, compiling': times('here', COMPILING, { atLeast }),
      ...metrics,
      ...(!exact && { [CORRELATION]: { unit: '', better: 'higher', target: { atLeast: 0.99 } } }),
    },
    ...(exact
      ? { equal: [[0, 1, equal]] }
      : { extra: async () => ({ [CORRELATION]: await correlation(method) }) }),
  });
}

const gradcam = (more) => explaining({ name: 'gradcam', what: 'Grad-CAM', method: 'gradcam', ...more });

const gradients = (more) =>
  explaining({
    name: 'gradients',
    what: 'Input gradients',
    method: 'gradients',
    equal: { others: 2e-2 },
    sides: [(precision) => ({ of: OWN, label: PREDICTIONS, job: job('predict', { precision }) })],
    metrics: {
      'cost in own predictions': {
        ratio: [PREDICTIONS, 'here'],
        unit: 'x',
        better: 'lower',
        target: { atMost: 2.3 },
      },
    },
    ...more,
  });

/** Compares an explanation with a prediction. */
const AGAINST_PREDICTIONS = against({
  name: 'gradcam-onnx',
  title: `${of('Grad-CAM')}, compared with predictions alone`,
  sides: [
    { of: OWN, job: job('gradcam') },
    {
      of: ONNX,
      job: async () => ({
        model: await onnx(RESNET),
        shape: [224, 224, 3],
        samples: SAMPLES,
        batchSize: BATCH,
      }),
    },
    { of: OWN, label: PREDICTIONS, job: job('predict') },
  ],
  // onnxruntime's optimiser (`basic`) changes the outputs of the saved network by up to this tolerance.
  equal: [[2, 1, { tolerance: 1e-2 }]],
  metrics: { ratio: times('here', 'onnxruntime', { atLeast: 1 }) },
});

const SCORECAM = against({
  name: 'scorecam',
  title: 'Score-CAM of one sample of MobileNetV2, its last block (1280 activations)',
  sides: [OWN, PYTHON].map((each) => ({
    of: each,
    job: job('scorecam', { of: 'MobileNetV2', samples: 1 }),
  })),
  equal: [[0, 1]],
  metrics: { ratio: times('here', 'Python library', { atLeast: 3 }) },
});

const exported = (name) =>
  against({
    name: `keras3-${name}`,
    title: `Grad-CAM of 64 samples of ${name}, in batches of ${BATCH}: exported by Keras 3, compared with saved by Keras 2`,
    sides: [3, 2].map((keras) => ({
      of: OWN,
      label: `Keras ${keras}`,
      job: job('gradcam', { of: name, keras, samples: 64 }),
    })),
    equal: [[0, 1]],
    metrics: { ratio: times('Keras 3', 'Keras 2', { atLeast: 0.95 }) },
  });

export const NETWORKS = [
  gradcam({ atLeast: 1.5 }),
  AGAINST_PREDICTIONS,
  gradcam({ precision: 'bfloat16', atLeast: 5 }),
  gradients({ atLeast: 2.5 }),
  gradients({ precision: 'bfloat16', atLeast: 6 }),
  SCORECAM,
  exported('MobileNetV2'),
  exported('EfficientNetB0'),
];

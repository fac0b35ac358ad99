/** Real networks, 224 x 224 pictures, against what others make of them. */
import { network, onnx } from '../../scripts/bench/models.mjs';
import { correlation } from '../correlation.mjs';
import { against, ONNX, OWN, PYTHON, times } from './against.mjs';

const BATCH = 8;
const SAMPLES = 32;
const RESNET = 'ResNet50V2';

/** A job on a network of Keras 2. */
const job =
  (method, { of = RESNET, keras = 2, samples = SAMPLES, ...rest } = {}) =>
  async () => ({ model: await network(of, keras), method, samples, batchSize: BATCH, ...rest });

const predictByOnnx = async () => ({
  model: await onnx(RESNET),
  shape: [224, 224, 3],
  samples: SAMPLES,
  batchSize: BATCH,
});

const bfloat16 = { precision: 'bfloat16' };
const of = (what) => `${what} of ${SAMPLES} samples of ${RESNET}, in batches of ${BATCH}`;

const rankCorrelation = (method) => ({
  metrics: { 'rank correlation with float32': { unit: '', better: 'higher', target: { atLeast: 0.99 } } },
  extra: async () => ({ 'rank correlation with float32': await correlation(method) }),
});

/** One own forward pass costs so much less. */
const forward = (label, precision) => ({
  sides: [{ of: OWN, label: 'own predictions', job: job('predict', precision) }],
  metrics: {
    'cost in own predictions': {
      ratio: ['own predictions', label],
      unit: 'x',
      better: 'lower',
      target: { atMost: 2.3 },
    },
  },
});

const GRADCAM = [
  against({
    name: 'gradcam',
    title: of('Grad-CAM'),
    sides: [
      { of: OWN, job: job('gradcam') },
      { of: PYTHON, job: job('gradcam') },
    ],
    equal: [[0, 1]],
    metrics: { ratio: times('here', 'Python library', { atLeast: 1.5 }) },
  }),
  against({
    name: 'gradcam-onnx',
    title: `${of('Grad-CAM')}, against predictions alone`,
    sides: [
      { of: OWN, job: job('gradcam') },
      { of: ONNX, job: predictByOnnx },
      { of: OWN, label: 'own predictions', job: job('predict') },
    ],
    // What onnxruntime's optimiser (`basic`) makes of the network is so far from the network as it was saved.
    equal: [[2, 1, 1e-2]],
    metrics: { ratio: times('here', 'onnxruntime', { atLeast: 1 }) },
  }),
  against({
    name: 'gradcam-bfloat16',
    title: `${of('Grad-CAM')}, precision bfloat16`,
    sides: [
      { of: OWN, job: job('gradcam', bfloat16) },
      { of: PYTHON, job: job('gradcam') },
    ],
    metrics: {
      ratio: times('here', 'Python library', { atLeast: 5 }),
      ...rankCorrelation('gradcam').metrics,
    },
    extra: rankCorrelation('gradcam').extra,
  }),
];

const gradients = (name, what, precision, atLeast, more = {}) => {
  const own = forward('here', precision);
  return against({
    name,
    title: what,
    sides: [
      { of: OWN, job: job('gradients', precision) },
      { of: PYTHON, job: job('gradients') },
      ...own.sides,
    ],
    ...more,
    metrics: { ratio: times('here', 'Python library', { atLeast }), ...own.metrics, ...more.metrics },
  });
};

const GRADIENTS = [
  gradients('gradients', of('Input gradients'), {}, 2.5, { equal: [[0, 1]] }),
  gradients(
    'gradients-bfloat16',
    `${of('Input gradients')}, precision bfloat16`,
    bfloat16,
    6,
    rankCorrelation('gradients'),
  ),
];

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
    title: `Grad-CAM of 64 samples of ${name}, in batches of ${BATCH}: exported by Keras 3 against saved by Keras 2`,
    sides: [3, 2].map((keras) => ({
      of: OWN,
      label: `Keras ${keras}`,
      job: job('gradcam', { of: name, keras, samples: 64 }),
    })),
    equal: [[0, 1]],
    metrics: { ratio: times('Keras 3', 'Keras 2', { atLeast: 0.95 }) },
  });

export const NETWORKS = [
  ...GRADCAM,
  ...GRADIENTS,
  SCORECAM,
  exported('MobileNetV2'),
  exported('EfficientNetB0'),
];

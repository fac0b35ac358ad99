/**
 * Every method on random networks of every op that has a gradient rule, against central differences of forward runs:
 * 200 a run, from a seed that is printed. Gradients and Grad-CAM are checked on each, full gradients and Grad-CAM++ on
 * about every second, CAM, Score-CAM, `tta` with scales, guided gradients and deconvolution on every fourth that has
 * what they need, the others on every eighth; KE_METHODS=all checks each on all. KE_SEED repeats a run, KE_GRAPHS=7 (or
 * 7-9) of it one network or several, KE_RUNS makes several.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { mapConcurrently } from '../../../lib/support/map_concurrently.js';
import { withoutReference } from '../helpers/method_list.js';
import { BLOCKS, type Block, RECTIFIERS } from './random/blocks.js';
import { Draw } from './random/draw.js';
import { Unmeasurable } from './random/probe.js';
import { type RandomNetwork, randomNetwork } from './random/random_network.js';
import { type Maps, Reference } from './random/references.js';

const { cams, gradient, meta } = ke.methods;
const { ops } = ke.graph;

const GRAPHS = 200;
/** Of so many networks one computes in float32 in part. */
const SINGLE_EVERY = 8;
/** A point near a kink is drawn again, so often at most. */
const MOST_DRAWS = 3;
/** The maximum number of draws of a network until one has a point without kinks. */
const MOST_VARIANTS = 10;

interface Check {
  readonly name: string;
  readonly method: ke.AnyMethod;
  readonly options?: object;
  /** Of so many networks about one is drawn for it: 1, as for gradients and Grad-CAM, whose parts all others share. */
  readonly every?: number;
  /** What the model gives beside its logits: activations, or what the head takes. */
  readonly exposed?: 'activations' | 'last';
  /** Whether inputs, maps or masks are resized on the way, which is always in float32. */
  readonly resizes?: boolean;
  applies?(network: RandomNetwork): boolean;
  expected(reference: Reference, x: Float64Array): Promise<Maps>;
}

/** d logits / d inputs, times the inputs or not, by a rule of rectifiers or their own. */
function backward(name: string, rule?: string, times = false): ke.Method {
  const override = rule === undefined ? {} : Object.fromEntries(RECTIFIERS.map((type) => [type, rule]));
  const method: ke.Method = ({ model, inputs }) => {
    const [logits] = model(inputs);
    const jacobian = ke.graph.batchJacobian(logits, inputs, {
      override,
      each: (g) => (times ? ops.reduceSum(ops.multiply(g, inputs), -1) : ops.reduceMean(g, -1)),
    });
    return { logits, maps: gradient.transposeJacobian(jacobian, 2) };
  };
  return Object.defineProperty(method, 'name', { value: name });
}

/** f'(x) of a rectifier where x > 0. */
const SLOPES: Readonly<Record<string, (x: number) => number>> = {
  Selu: () => 1.0507009873554805,
  Relu6: (x) => Number(x < 6),
};
const guided = (dy: number, x: number, type: string) => (dy > 0 && x > 0 ? dy * (SLOPES[type]?.(x) ?? 1) : 0);

const hasRectifier = ({ net, logits }: RandomNetwork) => {
  const { names } = net.graph.reach([logits]);
  return net.rectifiers.some(({ name }) => names.has(name));
};
const identity = (x: ke.graph.Symbolic) => x;
const NOISE = { noise: 0.2, seed: 5 };
const SCALES = [1.5];

const CHECKS: readonly Check[] = [
  { name: 'gradients', method: gradient.gradients, expected: (r, x) => r.gradients(x) },
  {
    name: 'input x gradient',
    every: 8,
    method: backward('input_x_gradient', undefined, true),
    expected: (r, x) => r.inputXGradient(x),
  },
  {
    name: 'full gradients',
    every: 2,
    method: gradient.fullGradients,
    resizes: true,
    options: { psi: identity },
    expected: (r, x) => r.fullGradients(x),
  },
  {
    name: 'CAM',
    every: 4,
    method: cams.cam,
    exposed: 'last',
    // Of what follows the activations it knows a dense layer's kernel alone.
    applies: ({ pooling, linear }) => pooling !== null && linear,
    expected: (r, x) => r.cam(x),
  },
  { name: 'Grad-CAM', method: cams.gradcam, exposed: 'activations', expected: (r, x) => r.gradcam(x) },
  {
    name: 'Grad-CAM++',
    every: 2,
    method: cams.gradcampp,
    exposed: 'activations',
    expected: (r, x) => r.gradcampp(x),
  },
  {
    name: 'Score-CAM',
    every: 4,
    method: cams.scorecam,
    resizes: true,
    exposed: 'activations',
    expected: (r, x) => r.scorecam(x, 'score'),
  },
  {
    name: 'Score-CAM by softmax',
    every: 8,
    method: cams.scorecam,
    resizes: true,
    options: { weighting: 'softmax', maskBatchSize: 3 },
    exposed: 'activations',
    expected: (r, x) => r.scorecam(x, 'softmax'),
  },
  {
    name: 'gradients, smooth',
    every: 8,
    method: meta.smooth(gradient.gradients, { repetitions: 3, ...NOISE }),
    applies: ({ net }) => !net.single,
    expected: async (r, x) => r.smooth(x, await noisesOf(r, x)),
  },
  {
    name: 'gradients, mirrored',
    every: 8,
    method: meta.tta(gradient.gradients, { scales: [] }),
    expected: (r, x) => r.tta(x, []),
  },
  {
    name: 'gradients, mirrored and scaled',
    every: 4,
    method: meta.tta(gradient.gradients, { scales: SCALES }),
    resizes: true,
    applies: ({ open, net }) => open && !net.single,
    expected: (r, x) => r.tta(x, SCALES),
  },
  {
    name: 'guided gradients',
    every: 4,
    method: backward('guided', 'guided'),
    applies: hasRectifier,
    expected: (r, x) => r.ruled(x, guided),
  },
  {
    name: 'deconvolution',
    every: 4,
    method: backward('deconvolution', 'deconvolution'),
    applies: hasRectifier,
    expected: (r, x) => r.ruled(x, (dy) => Math.max(dy, 0)),
  },
];

/** What `smooth` adds in its repetitions after the first: differences of the sums of what it shows a method. */
async function noisesOf(reference: Reference, x: Float64Array): Promise<Float64Array[]> {
  const drawn: ke.Method = ({ model, inputs }) => ({ logits: model(inputs)[0], maps: inputs });
  const noises: Float64Array[] = [];
  for (const repetitions of [2, 3]) {
    const { maps } = await explain(reference, { method: meta.smooth(drawn, { repetitions, ...NOISE }) }, [x]);
    const sum = noises.reduce(
      (a, noise) => a.map((each, i) => each + (noise[i] as number)),
      x.map((each) => each * repetitions),
    );
    noises.push(
      Float64Array.from(maps.data as Float64Array, (mean, i) => mean * repetitions - (sum[i] as number)),
    );
  }
  return noises;
}

async function explain(
  reference: Reference,
  { method, options = {}, exposed }: Pick<Check, 'method' | 'options' | 'exposed'>,
  samples: readonly Float64Array[],
): Promise<{ readonly maps: ke.Tensor }> {
  const { network } = reference;
  const { logits, x } = network;
  const outputs = exposed === undefined ? [logits] : [logits, network[exposed].name];
  const { model } = await reference.probe(outputs, []);
  const data = Float64Array.from(samples.flatMap((each) => [...each]));
  const inputs = ke.tensor(data, [samples.length, x.h, x.w, x.c]);
  const raw = { ...options, resizing: false, verbose: 0 } as const;
  return (await ke.explain(method as ke.Method, model, inputs, null, raw)) as { maps: ke.Tensor };
}

/** How far maps (N, h, w, UNITS) are from the expected ones, as a share of the largest of these. */
function largestError(maps: ke.Tensor, expected: readonly Maps[]): number {
  const received = maps.data as Float64Array;
  const flat = expected.flatMap((sample) =>
    Array.from(sample[0] as Float64Array, (_, i) => sample.map((map) => map[i] as number)).flat(),
  );
  expect(received.length).toBe(flat.length);
  const scale = flat.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  // NaN stays NaN, and is below no tolerance.
  return flat.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (received[i] as number)) / scale),
    0,
  );
}

class Run {
  readonly coverage = new Map<string, number>();
  readonly checks = new Map<string, number>();
  readonly failures: string[] = [];
  redrawn = 0;
  /** Checks left out, as no point was found where differences tell a slope. */
  readonly left: string[] = [];

  constructor(readonly seed: number) {}

  async check(number: number): Promise<void> {
    const variants = new Variants(this.seed * GRAPHS + number, this.#blocksOf(number));
    const where = `KE_SEED=${this.seed} KE_GRAPHS=${number}`;
    try {
      const draw = new Draw(this.seed * 104729 + number);
      for (const check of CHECKS) {
        if (!draw.chance(1 / (check.every ?? 1)) && !EVERY_METHOD) continue;
        try {
          await this.#compare(variants, check, number, where);
        } catch (error) {
          this.failures.push(`${where}, ${check.name}: ${error}`);
        }
      }
    } finally {
      await variants.close();
    }
  }

  /**
   * The blocks that a network must hold: a seed's blocks in an order of its own, dealt so that each is in one of its
   * networks at least. Those that compute in float32 go to every eighth, one each, as differences tell less of what is
   * behind them.
   */
  #blocksOf(number: number): Block[] {
    const deck = new Draw(this.seed).shuffled(BLOCKS);
    const of = (single: boolean, i: number) => {
      const some = deck.filter((block) => (block.single ?? false) === single);
      return some[i % some.length] as Block;
    };
    const eighth = Math.floor(number / SINGLE_EVERY);
    if (number % SINGLE_EVERY === 0) return [of(true, eighth)];
    const other = number - eighth - 1;
    return [other, other + GRAPHS - GRAPHS / SINGLE_EVERY].map((i) => of(false, i));
  }

  /** Compares at a point of the first variant that has derivatives there. */
  async #compare(variants: Variants, check: Check, number: number, where: string): Promise<void> {
    const fitting = variants.list.filter(({ network }) => check.applies?.(network) !== false);
    for (const reference of fitting) {
      for (let i = 0; i < MOST_DRAWS; i++) {
        const samples = reference.samples(i, this.seed * 7919 + 31 * number);
        try {
          const error = await errorOf(reference, check, samples);
          this.#count(check, reference.network);
          if (error !== null)
            this.failures.push(`${where} (${reference.network.blocks.join(', ')}), ${check.name}: ${error}`);
          return;
        } catch (error) {
          if (!(error instanceof Unmeasurable)) throw error;
          this.redrawn++;
        }
      }
    }
    if (fitting.length > 0) this.left.push(`${where}, ${check.name}`);
  }

  #count({ name }: Check, { net, logits }: RandomNetwork): void {
    this.checks.set(name, (this.checks.get(name) ?? 0) + 1);
    if (name !== CHECKS[0]?.name) return;
    for (const type of net.graph.reach([logits]).types)
      this.coverage.set(type, (this.coverage.get(type) ?? 0) + 1);
  }
}

/** What is wrong with a method's maps, or null; throws Unmeasurable where no slope can be told. */
async function errorOf(
  reference: Reference,
  check: Check,
  samples: readonly Float64Array[],
): Promise<string | null> {
  const expected: Maps[] = [];
  for (const sample of samples) expected.push(await check.expected(reference, sample));
  const { maps } = await explain(reference, check, samples);
  const error = largestError(maps, expected);
  const tolerance = reference.network.net.single ? 1e-2 : check.resizes ? 1e-5 : 1e-6;
  return error <= tolerance ? null : `off by ${error} of the largest value`;
}

/** Networks of the same blocks, with other random numbers: in some, maxima among equals have no slope at any point. */
class Variants {
  readonly list: readonly Reference[];

  constructor(seed: number, must: readonly Block[]) {
    this.list = Array.from(
      { length: MOST_VARIANTS },
      (_, i) => new Reference(randomNetwork(seed + i * 0x9e3779b1, must)),
    );
  }
  async close(): Promise<void> {
    for (const reference of this.list) await reference.close();
  }
}

/** The op types that are registered with a rule, read where they are. */
function registered(): string[] {
  const folder = fileURLToPath(new URL('../../../native/gradient/', import.meta.url));
  const files = readdirSync(folder).filter((file) => /^(rules_.*|capi_rule)\.cc$/.test(file));
  const text = files.map((file) => readFileSync(`${folder}${file}`, 'utf8')).join('\n');
  const lists = text.matchAll(
    /registry->Add(?:All)?\(([^;]*);|const char\* (?:kConfirmed\[\] =|type :) \{([^}]*)\}/g,
  );
  const types = [...lists].flatMap(([, added = '', listed = '']) => [
    ...`${added}${listed}`.matchAll(/"([A-Z]\w+)"/g),
  ]);
  return [...new Set(types.map(([, type]) => type as string))].toSorted();
}

const seed = Number(process.env.KE_SEED ?? Date.now() % 1_000_000);
const EVERY_METHOD = process.env.KE_METHODS === 'all';
const runs = Number(process.env.KE_RUNS ?? 1);
const [first = 0, last = first] = (process.env.KE_GRAPHS ?? `0-${GRAPHS - 1}`).split('-').map(Number);

test('every method has a reference', () => {
  expect(withoutReference(CHECKS.map(({ method }) => method))).toEqual([]);
});

test('every method gives what central differences give', { timeout: runs * 600_000 }, async () => {
  for (let i = 0; i < runs; i++) {
    const run = new Run(seed + i);
    const began = Date.now();
    const numbers = Array.from({ length: last - first + 1 }, (_, n) => first + n);
    await mapConcurrently(numbers, 2, (number) => run.check(number));
    const list = (counts: ReadonlyMap<string, number>) =>
      [...counts]
        .toSorted()
        .map(([name, count]) => `${name} ${count}`)
        .join(', ');
    const checked = [...run.checks.values()].reduce((a, b) => a + b, 0);
    console.log(
      `seed ${run.seed}, ${(Date.now() - began) / 1000} s\nchecks: ${list(run.checks)}\nnetworks by op: ${list(run.coverage)}\n` +
        `points drawn again: ${run.redrawn}, given up: ${run.left.length} of ${checked}\n` +
        run.left.join('\n'),
    );
    expect(run.failures).toEqual([]);
    if (last - first + 1 < GRAPHS) continue;
    expect(run.left.length).toBeLessThanOrEqual(0.01 * checked);
    const elsewhere = [...NOT_IN_MODELS, ...NATIVE_ONLY];
    const missing = registered().filter((type) => !run.coverage.has(type) && !elsewhere.includes(type));
    expect(missing).toEqual([]);
  }
});

/**
 * Ops that only gradients are made of, which the native test differentiates twice; and one that forbids its gradient.
 */
const NOT_IN_MODELS = ['AvgPoolGrad', 'AvgPool3DGrad', 'MaxPoolGrad', 'MaxPool3DGrad', 'PreventGradient'];

/**
 * Ops that need matrices, complex numbers, indices, sparse tensors, lists or functions instead of images, and ops whose
 * gradient is not their derivative. The native tests check these rules: random_graph_test.cc, gradient_values_test.cc
 * and the tests of control flow. A method uses the gradient of a model whatever its ops are.
 */
const NATIVE_ONLY = [
  'AccumulateNV2',
  'Angle',
  'ApproxTopK',
  'BandedTriangularSolve',
  'BatchToSpace',
  'Betainc',
  'CTCLoss',
  'CheckNumericsV2',
  'Cholesky',
  'Complex',
  'ComplexAbs',
  'Concat',
  'Conj',
  'ConjugateTranspose',
  'CropAndResize',
  'Cross',
  'Cumprod',
  'CumulativeLogsumexp',
  'Diag',
  'DiagPart',
  'Dilation2D',
  'DynamicPartition',
  'DynamicStitch',
  'Eig',
  'ExtractImagePatches',
  'ExtractVolumePatches',
  'FFT',
  'FakeQuantWithMinMaxArgs',
  'FakeQuantWithMinMaxVars',
  'FakeQuantWithMinMaxVarsPerChannel',
  'FractionalAvgPool',
  'FractionalMaxPool',
  'HSVToRGB',
  'IFFT',
  'IRFFT',
  'Imag',
  'ImageProjectiveTransformV2',
  'ImageProjectiveTransformV3',
  'InvGrad',
  'IsotonicRegression',
  'LogMatrixDeterminant',
  'MatrixDeterminant',
  'MatrixDiag',
  'MatrixDiagPart',
  'MatrixInverse',
  'MatrixSetDiag',
  'MatrixSolve',
  'MatrixSolveLs',
  'MatrixSquareRoot',
  'MatrixTriangularSolve',
  'MaxPool3DGradGrad',
  'MaxPoolGradGrad',
  'MaxPoolWithArgmax',
  'NextAfter',
  'NthElement',
  'ParallelDynamicStitch',
  'Polygamma',
  'Qr',
  'QuantizeAndDequantizeV2',
  'QuantizeAndDequantizeV3',
  'QuantizeAndDequantizeV4',
  'RFFT',
  'RGBToHSV',
  'Real',
  'ReciprocalGrad',
  'Reverse',
  'ReverseSequence',
  'RsqrtGrad',
  'ScaleAndTranslate',
  'ScatterNdNonAliasingAdd',
  'SegmentMax',
  'SegmentMean',
  'SegmentMin',
  'SegmentProd',
  'SegmentSum',
  'SelfAdjointEigV2',
  'SpaceToBatch',
  'SparseAdd',
  'SparseDenseCwiseDiv',
  'SparseDenseCwiseMul',
  'SparseFillEmptyRows',
  'SparseMatMul',
  'SparseReduceSum',
  'SparseReorder',
  'SparseSlice',
  'SparseSoftmax',
  'SparseTensorDenseAdd',
  'SparseTensorDenseMatMul',
  'SparseToDense',
  'SqrtGrad',
  'Svd',
  'TensorScatterAdd',
  'TensorScatterMax',
  'TensorScatterMin',
  'TensorScatterSub',
  'TensorScatterUpdate',
  'TensorStridedSliceUpdate',
  'TridiagonalMatMul',
  'TridiagonalSolve',
  'UnsortedSegmentMax',
  'UnsortedSegmentMin',
  'UnsortedSegmentProd',
  'Zeta',
  'Case',
  'If',
  'StatelessCase',
  'StatelessIf',
  'StatelessWhile',
  'TensorListConcat',
  'TensorListConcatV2',
  'TensorListFromTensor',
  'TensorListGather',
  'TensorListGetItem',
  'TensorListPopBack',
  'TensorListPushBack',
  'TensorListResize',
  'TensorListScatter',
  'TensorListScatterIntoExistingList',
  'TensorListScatterV2',
  'TensorListSetItem',
  'TensorListSplit',
  'TensorListStack',
  'While',
];

/** A layer's model that scripts/reference/make_layers.py made, and what happens when this package runs the model. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ke from '../../lib/index.js';
import { readTensors, rows, type Values } from '../reference/tensors.js';

export type KerasVersion = 'keras2' | 'keras3';

/** An entry of cases.json. `error`: the message of Keras, which could not build or save the model. */
export interface Case {
  readonly class: string;
  readonly options: string;
  readonly folder: string;
  readonly kind: 'normal' | 'picture' | 'ids' | 'texts';
  readonly error?: string;
}

/** What a stage gave: `ok`, `wrong: ...` (other numbers), `refused: ...` (an error of this package), `none`. */
export type Outcome = string;

const BUILT = path.join(fileURLToPath(new URL('../..', import.meta.url)), 'build', 'layers');

/** float32 against float64, as a share of the range. */
const TOLERANCE = 1e-4;
/** For the outputs of Keras files. */
const FILE_TOLERANCE = 1e-5;
const BFLOAT16_TOLERANCE = 0.05;

export const casesOf = (keras: KerasVersion): readonly Case[] =>
  (JSON.parse(readFileSync(path.join(BUILT, keras, 'cases.json'), 'utf8')) as { cases: Case[] }).cases;

/** The numbers of a model. `x` is a Tensor or nested arrays of strings. */
interface Expected {
  readonly x: Values | unknown[];
  readonly y: Values;
  readonly gradients: Values | undefined;
}

function expectedOf(folder: string, kind: Case['kind']): Expected {
  const read = readTensors(path.join(folder, 'expected'));
  const optional = (name: string): Values | undefined => {
    try {
      return read(name);
    } catch {
      return undefined;
    }
  };
  const x = kind === 'texts' ? JSON.parse(readFileSync(path.join(folder, 'x.json'), 'utf8')) : read('x');
  return { x, y: read('y'), gradients: optional('gradients') };
}

/** The first `count` samples as the model's input. */
function inputOf({ x }: Expected, kind: Case['kind'], count: number): ke.Tensor {
  if (Array.isArray(x)) return x.slice(0, count) as unknown as ke.Tensor;
  const { data, shape } = rows(x as Values, 0, count);
  return kind === 'ids' ? ke.tensor(BigInt64Array.from(data, BigInt), shape) : ke.tensor(data, shape);
}

/** The gradients (U, N, ...) as maps (N, ..., U): the mean over the channels, where the input has channels. */
function mapsOf(gradients: Values): Values {
  const [units, samples, ...sizes] = gradients.shape as [number, number, ...number[]];
  const channels = sizes.length > 1 ? (sizes.at(-1) as number) : 1;
  const places = sizes.slice(0, sizes.length > 1 ? -1 : undefined);
  const count = samples * places.reduce((product, size) => product * size, 1);
  const data = new Float32Array(count * units);
  for (let unit = 0; unit < units; unit++) {
    for (let place = 0; place < count; place++) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) {
        sum += gradients.data[(unit * count + place) * channels + channel] as number;
      }
      data[place * units + unit] = sum / channels;
    }
  }
  return { data, shape: [samples, ...places, units] };
}

/**
 * A difference as a share of the range of `expected`: the largest one, or the root of the mean square, which a few
 * ReLUs that switch in bfloat16 do not dominate. `least` bounds the range from below, where values cancel to nothing.
 * Infinity where the shapes differ.
 */
function errorOf(received: ke.Tensor, expected: Values, measure: Measure, least = 0): number {
  if (String(received.shape) !== String(expected.shape)) return Number.POSITIVE_INFINITY;
  const values = [...expected.data];
  const differences = values.map((value, at) => Math.abs(Number(received.data[at]) - value));
  const range = Math.max(Math.max(...values) - Math.min(...values), least, Number.MIN_VALUE);
  const squares = differences.reduce((sum, difference) => sum + difference ** 2, 0);
  const error = measure === 'largest' ? Math.max(...differences) : Math.sqrt(squares / values.length);
  return error === 0 ? 0 : error / range;
}

type Measure = 'largest' | 'rootMeanSquare';

/** How far numbers may be off in a precision. */
interface Limit {
  readonly measure: Measure;
  readonly tolerance: number;
}
const FLOAT32: Limit = { measure: 'largest', tolerance: TOLERANCE };
const BFLOAT16: Limit = { measure: 'rootMeanSquare', tolerance: BFLOAT16_TOLERANCE };

const FROM_FILE: Limit = { measure: 'largest', tolerance: FILE_TOLERANCE };

const judged = (error: number, { tolerance }: Limit): Outcome =>
  error < tolerance ? 'ok' : `wrong: off by ${error.toExponential(1)} of the range`;

/** Runs a stage. An error of this package is an outcome; another error fails the test. */
async function outcome(stage: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await stage();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `refused: ${error.message.split('\n')[0]}`;
  }
}

async function predicts(model: ke.Model, expected: Expected, kind: Case['kind'], limit = FLOAT32) {
  let worst = 0;
  for (const count of [3, 1]) {
    const y = (await model.predict(inputOf(expected, kind, count))) as ke.Tensor;
    worst = Math.max(worst, errorOf(y, rows(expected.y, 0, count), limit.measure));
  }
  return judged(worst, limit);
}

const signedGradients: ke.Method = (args) =>
  ke.methods.gradient.gradients({ ...args, gradientFilter: (values: ke.graph.Symbolic) => values } as never);

async function differentiates(model: ke.Model, expected: Expected, kind: Case['kind'], limit = FLOAT32) {
  if (expected.gradients === undefined) return 'none';
  const maps = mapsOf(expected.gradients);
  // A layer that ignores the mean of the channels has maps of nothing but rounding.
  const largest = Math.max(...[...expected.gradients.data].map(Math.abs));
  let worst = 0;
  for (const count of [3, 1]) {
    const x = inputOf(expected, kind, count);
    const result = await ke.explain(signedGradients, model, x, null, {
      resizing: false,
      postprocessing: null,
      verbose: 0,
    });
    worst = Math.max(
      worst,
      errorOf(result.maps as ke.Tensor, rows(maps, 0, count), limit.measure, largest / 100),
    );
  }
  return judged(worst, limit);
}

/** The layer of make_layers.py that converts integers of lookups. */
const CUSTOM_OBJECTS: ke.CustomObjects = {
  AsFloat: () => (x) => ke.graph.ops.cast(x as ke.graph.Symbolic, 'float32'),
};

/** The stages of a case. 'keras' and 'h5': the same model as `.keras` and `.h5` file. */
export const STAGES = ['loads', 'predicts', 'differentiates', 'bfloat16', 'workers', 'keras', 'h5'] as const;
export type Outcomes = Partial<Record<(typeof STAGES)[number], Outcome>>;

/** Runs all stages. A stage after a refused load is left out. */
export async function outcomesOf(
  keras: KerasVersion,
  { folder: name, kind }: Case,
  workers: ke.distribute.LocalWorkers,
): Promise<Outcomes> {
  const folder = path.join(BUILT, keras, name);
  const expected = expectedOf(folder, kind);
  const found: Outcomes = {};
  const open = async (
    options: Parameters<typeof ke.loadModel>[1],
    stages: (m: ke.Model) => Promise<void>,
    file = 'model',
  ) => {
    const model = await ke.loadModel(path.join(folder, file), options);
    try {
      await stages(model);
    } finally {
      model.close();
    }
  };
  for (const format of ['keras', 'h5'] as const) {
    if (!existsSync(path.join(folder, `model.${format}`))) continue;
    found[format] = await outcome(async () => {
      let result: Outcome = 'ok';
      await open(
        { customObjects: CUSTOM_OBJECTS },
        async (model) => {
          result = await predicts(model, expected, kind, FROM_FILE);
          if (result === 'ok') result = await differentiates(model, expected, kind);
        },
        `model.${format}`,
      );
      return result === 'none' ? 'ok' : result;
    });
  }
  found.loads = await outcome(async () => {
    await open({}, async (model) => {
      found.predicts = await outcome(() => predicts(model, expected, kind));
      found.differentiates = await outcome(() => differentiates(model, expected, kind));
    });
    return 'ok';
  });
  if (found.loads !== 'ok') return found;
  found.bfloat16 = await outcome(async () => {
    let result: Outcome = 'ok';
    await open({ precision: 'bfloat16' }, async (model) => {
      result = await predicts(model, expected, kind, BFLOAT16);
      if (result === 'ok') result = await differentiates(model, expected, kind, BFLOAT16);
    });
    return result === 'none' ? 'ok' : result;
  });
  found.workers = await outcome(async () => {
    let result: Outcome = 'ok';
    await open({ strategy: ke.distribute.multiWorker({ workers }) }, async (model) => {
      result = await predicts(model, expected, kind);
      if (result === 'ok') result = await differentiates(model, expected, kind);
    });
    return result === 'none' ? 'ok' : result;
  });
  return found;
}

/** `runEagerly`: what gave NaN or Inf is named, by op and layer, forward and backward; nothing else is. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { readTensors } from '../../reference/tensors.js';
import { METHODS as PLAIN, tinyModel } from '../helpers/tiny_reference.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));
const { cams, gradient, meta } = ke.methods;
const { ops } = ke.graph;
const RAW = { resizing: false, verbose: 0 } as const;

/** Samples whose channels have these means; the layers of the model are functions of the two. */
const samples = (...means: (readonly [number, number])[]) =>
  ke.tensor(
    means.flatMap((mean) => [mean, mean, mean, mean].flat()),
    [means.length, 2, 2, 2],
  );

async function numericsError(action: () => Promise<unknown>): Promise<ke.NumericsError> {
  const error = await action().then(
    () => new Error('nothing was thrown'),
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(ke.NumericsError);
  return error;
}

describe('a model loaded with runEagerly', () => {
  let model: ke.Model;
  beforeAll(async () => {
    model = await ke.loadModel(path.join(FIXTURES, 'numerics'), {
      runEagerly: true,
      threads: { interOp: 2 },
    });
  });
  afterAll(() => model?.close());

  const view = (layer: string | readonly string[]) =>
    ke.inspection.expose(model, 'conv', [layer as readonly string[]]);
  const predict = (layer: string | readonly string[], x: ke.Tensor) => view(layer).predict(x);
  const explain = (layer: string, x: ke.Tensor, method: ke.AnyMethod = gradient.gradients) =>
    ke.explain(method as ke.Method, view(layer), x, null, RAW);

  const OUTER = ['outer', 'inner', 'inner_log'];
  // Layer, the means that make it fail, and the op that does.
  const FORWARD = [
    ['log', [-1, 1], 'NaN', 'Log', 'log_1/Log'],
    ['log', [0, 1], 'Inf', 'Log', 'log_1/Log'],
    ['exp', [200, 1], 'Inf', 'Exp', 'exp_1/Exp'],
    ['ratio', [0, 0], 'NaN', 'RealDiv', 'ratio_1/truediv'],
    ['ratio', [-1, 1], 'Inf', 'RealDiv', 'ratio_1/truediv'],
    ['root', [-1, 1], 'NaN', 'Sqrt', 'root_1/Sqrt'],
    [OUTER, [-1, 1], 'NaN', 'Log', 'outer_1/inner_1/inner_log_1/Log'],
    ['half', [-1, 1], 'NaN', 'Log', 'half_1/Log'],
    ['half', [70_000, 1], 'Inf', 'Cast', 'half_1/Cast'],
    ['brain', [0, 1], 'Inf', 'Log', 'brain_1/Log'],
    ['double', [-1, 1], 'NaN', 'Log', 'double_1/Log'],
    ['masked', [0, 0], 'NaN', 'Softmax', 'masked_1/Softmax'],
    ['lowest', [0, 1], 'Inf', 'SelectV2', 'lowest_1/SelectV2'],
    ['broken', [1, 1], 'NaN', 'Weight', null],
  ] as const;
  it.each(FORWARD)('%s of %j gives %s: by %s', async (layer, means, value, type, op) => {
    for (const run of [predict, explain] as const) {
      const error = await numericsError(() => run(layer as string, samples(means)));
      const place = typeof layer === 'string' ? layer : layer.join('/');
      expect(error).toMatchObject({ layer: place, pass: 'forward', value, type, step: 0 });
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(error.op).toContain(op === null ? 'broken' : `numerics_1/${op}`);
      expect(error.message).toContain(`'${error.op}'`);
      expect(error.message).toContain(`of layer '${place}'`);
    }
  });

  const BACKWARD = [
    ['root', [0, 1], 'Sqrt', 'root_1/Sqrt'],
    ['norm', [0, 0], 'Sqrt', 'norm_1/Sqrt'],
    ['power', [0, 1], 'Pow', 'power_1/pow'],
    ['picked', [0, 1], 'Log', 'picked_1/Log'],
  ] as const;
  it.each(BACKWARD)('%s of %j: only its gradient, of %s', async (layer, means, type, op) => {
    await predict(layer, samples(means));
    // One unit: in place; several: in the body of a loop.
    for (const y of [[[0, 1]], [[0]]]) {
      const error = await numericsError(() =>
        ke.explain(gradient.gradients, view(layer), samples(means), y, RAW),
      );
      expect(error).toMatchObject({ op: `numerics_1/${op}`, layer, type, pass: 'backward' });
      expect(error.message).toContain(`The gradient of op 'numerics_1/${op}' (${type}) of layer '${layer}'`);
    }
  });

  it('lets pass what is selected away, and what a constant mask holds', async () => {
    const [picked] = (await predict('picked', samples([-1, 1]))) as ke.Tensor[];
    expect([...(picked as ke.Tensor).data]).toEqual([0, 0]);
    const [masked] = (await predict('masked', samples([0, 1]))) as ke.Tensor[];
    expect([...(masked as ke.Tensor).data]).toEqual([0, 1]);
    await explain('masked', samples([0, 1]));
    // A Log of a negative number, selected away: its gradient is none either.
    await explain('picked', samples([-1, 1]));
  });

  it("names ops of the method itself, and those of its loop's body", async () => {
    const own: ke.Method = ({ model: call, inputs }) => {
      const [logits] = call(inputs);
      return { logits, maps: ops.log(ops.subtract(logits, 5)) };
    };
    expect(await numericsError(() => explain('exp', samples([1, 1]), own))).toMatchObject({
      op: 'Log',
      type: 'Log',
      layer: null,
      pass: 'forward',
      value: 'NaN',
    });
    const looping: ke.Method = ({ model: call, inputs }) => {
      const [logits] = call(inputs);
      const [grown = logits] = ops.forRange(10, (_, value) => [ops.exp(value as ke.graph.Symbolic)], [
        logits,
      ]);
      return { logits, maps: grown };
    };
    const error = await numericsError(() => explain('root', samples([1, 1]), looping));
    expect(error).toMatchObject({ type: 'Exp', layer: null, pass: 'forward', value: 'Inf' });
    expect(error.message).toContain('of the method');
  });

  it('names an op of the model that a loop of the method calls', async () => {
    const doubling: ke.Method = ({ model: call, inputs }) => {
      const [logits] = call(inputs);
      const [last = logits] = ops.forRange(
        8,
        (_, __, x) => {
          const twice = ops.multiply(x as ke.graph.Symbolic, 2);
          return [call(twice)[0], twice];
        },
        [logits, inputs],
      );
      return { logits, maps: last };
    };
    expect(await numericsError(() => explain('exp', samples([1, 1]), doubling))).toMatchObject({
      op: 'numerics_1/exp_1/Exp',
      layer: 'exp',
      value: 'Inf',
    });
  });

  it('names the same op in every run, and the step', async () => {
    const means = Array.from({ length: 24 }, (_, i): [number, number] => [i < 17 ? 1 : i % 2 ? 0 : -1, 1]);
    const seen = new Set<string>();
    for (let i = 0; i < 10; i++) {
      const error = await numericsError(() => view('log').predict(samples(...means), { batchSize: 4 }));
      seen.add(JSON.stringify([error.op, error.value, error.step]));
    }
    // Of sample 17, the first that fails, though others that give NaN are computed at the same time.
    expect([...seen]).toEqual([JSON.stringify(['numerics_1/log_1/Log', 'Inf', 4])]);
  });

  it('runs on after a failure, and stays usable', async () => {
    await numericsError(() => predict('log', samples([-1, 1])));
    const [output] = (await predict('log', samples([1, 1]))) as ke.Tensor[];
    expect([...(output as ke.Tensor).data]).toEqual([0, 0]);
  });
});

describe('runEagerly', () => {
  it('is off by default: what fails there gives NaN here', async () => {
    using model = await ke.loadModel(path.join(FIXTURES, 'numerics'));
    const [output] = (await ke.inspection
      .expose(model, 'conv', 'log')
      .predict(samples([-1, 1]))) as ke.Tensor[];
    expect(output?.data[0]).toBeNaN();
  });

  it('names the step, whatever `stepsPerExecution` and the sizes of steps', async () => {
    const file = path.join(FIXTURES, 'numerics');
    using model = await ke.loadModel(file, { runEagerly: true, stepsPerExecution: 4 });
    const view = ke.inspection.expose(model, 'conv', 'log');
    const sizes = [4, 1, 4, 1];
    const rows = sizes.flatMap((size, step) => Array<number>(size).fill(step));
    for (let bad = 0; bad < rows.length; bad++) {
      const source = sizes.map((size, step) => {
        const begin = rows.indexOf(step);
        return samples(...Array.from({ length: size }, (_, i) => [begin + i === bad ? -1 : 1, 1] as const));
      });
      await expect(view.predict(source.values())).rejects.toMatchObject({ value: 'NaN', step: rows[bad] });
    }
  });

  it('must be a boolean', async () => {
    await expect(ke.loadModel('/nowhere', { runEagerly: 'yes' as never })).rejects.toThrow('runEagerly');
  });

  const METHODS: Readonly<Record<string, ke.AnyMethod>> = {
    ...PLAIN,
    smooth: meta.smooth(gradient.gradients, { repetitions: 3, seed: 1 }),
    tta: meta.tta(cams.gradcam),
  };
  it.each(['keras2', 'keras3'])('finds no fault in any method over a sound model of %s', async (keras) => {
    const directory = tinyModel(keras);
    using plain = await ke.loadModel(directory);
    using checked = await ke.loadModel(directory, { runEagerly: true });
    const { data, shape } = readTensors(path.join(FIXTURES, 'reference', 'tiny'))('inputs');
    const x = ke.tensor(data, shape);
    for (const [name, method] of Object.entries(METHODS)) {
      for (const postprocessing of [undefined, ke.filters.positiveNormalize]) {
        const options = { postprocessing, verbose: 0 } as const;
        const explain = (model: ke.Model) =>
          ke.explain(method as ke.Method, ke.inspection.expose(model), x, null, options);
        const [expected, maps] = [(await explain(plain)).maps.data, (await explain(checked)).maps.data];
        let most = 0;
        for (let i = 0; i < maps.length; i++) {
          most = Math.max(most, Math.abs(Number(maps[i]) - Number(expected[i])));
        }
        expect(most, name).toBeLessThan(1e-4);
      }
    }
  });
});

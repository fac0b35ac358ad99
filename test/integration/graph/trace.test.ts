/** What a recording computes: as text, as a fingerprint, and how often it asks the model. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { Trace } from '../../../lib/graph/trace.js';
import * as ke from '../../../lib/index.js';
import { load, random, raw } from '../helpers/explain_fixture.js';

type Symbolic = ke.graph.Symbolic;
const { ops, gradient } = ke.graph;
const { gradients } = ke.methods.gradient;
const { gradcam } = ke.methods.cams;

let model: ke.Model;
beforeAll(async () => {
  model = await load();
});
afterAll(() => model.close());

/** A recording of `record`, for an x (N, 2), and what it returned. */
async function recorded(record: (x: Symbolic) => readonly Symbolic[]) {
  const trace = Trace.create(await ensureTensorflow());
  const fetches = trace.run(() => record(trace.placeholder('float32', [null, 2], 'x')));
  return { trace, fetches };
}

describe('a recording as text', () => {
  it('has an equation a line, those of bodies indented', async () => {
    const { trace, fetches } = await recorded((x) => {
      ops.exp(x);
      const rows = ops.mapRange(3, (i) => ops.multiply(ops.leakyRelu(x), ops.cast(i, 'float32')));
      return [ops.leakyRelu(x), rows];
    });
    expect(trace.dump(fetches).split('\n')).toEqual([
      '%0:float32[?,2] = parameter "x"',
      '%1:int32[] = constant 3',
      '%6:float32[3,?,2] = stack(count=%1)',
      '{',
      '  %2:int32[] = parameter "index"',
      '  %3:float32[?,2] = LeakyRelu(%0) {alpha=0.2}',
      '  %4:float32[] = Cast(%2) {DstT=float32}',
      '  %5:float32[?,2] = Mul(%3, %4)',
      '  return %5',
      '}',
      '%7:float32[?,2] = LeakyRelu(%0) {alpha=0.2}',
      'return %7, %6',
      '',
    ]);
    expect(String(trace)).toContain('Exp(%0)');
  });
});

describe('the fingerprint', () => {
  const session = { intraOp: 1, strategy: {} as never };
  const of = async (record: (x: Symbolic) => Symbolic, options: object = {}) => {
    const { trace, fetches } = await recorded((x) => [record(x)]);
    return trace.fingerprint(fetches, { ...session, ...options });
  };

  it('tells attributes and constants apart by their bits', async () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1];
    const prints = await Promise.all([
      ...values.map((value) => of((x) => ops.leakyRelu(x, value))),
      ...values.map((value) => of((x) => ops.add(x, value))),
    ]);
    expect(new Set(prints).size).toBe(prints.length);
  });

  it('is the same for what computes the same, with the same settings', async () => {
    const print = await of((x) => ops.exp(x));
    expect(await of((x) => ops.exp(x), { checkNumerics: false })).toBe(print);
    const wasteful = (x: Symbolic) => {
      ops.log(ops.exp(x));
      return ops.exp(x);
    };
    expect(await of(wasteful)).toBe(print);
    expect(await of((x) => ops.exp(x), { bfloat16: true })).not.toBe(print);
  });
});

describe('the model', () => {
  const compile = vi.spyOn(Trace.prototype, 'compile');
  afterEach(() => compile.mockClear());

  /** What was compiled last, as text. */
  const compiled = () => {
    const { contexts, calls } = compile.mock;
    return (contexts.at(-1) as Trace).dump(calls.at(-1)?.[0]);
  };
  const instances = (text: string) => text.match(/= model \d+\(/g)?.length;

  /** Two methods in one: their maps side by side, as units. */
  const both: ke.Method = (args) => {
    const cam = gradcam(args);
    const saliency = gradients(args);
    return {
      logits: ops.add(cam.logits, saliency.logits),
      maps: ops.concat([cam.maps, saliency.maps], -1),
    };
  };

  it('is asked once by two methods of one recording, and the maps are those of each alone', async () => {
    const x = random(3);
    const together = await ke.explain(both, model, x, null, raw);
    expect(instances(compiled())).toBe(1);
    const cam = await ke.explain(gradcam, model, x, null, raw);
    const saliency = await ke.explain(gradients, model, x, null, raw);
    const units = cam.maps.shape.at(-1) as number;
    const values = (maps: ke.Tensor | ke.RaggedTensor) => [...((maps as ke.Tensor).data as Float32Array)];
    const [cams, saliencies] = [values(cam.maps), values(saliency.maps)];
    const expected = cams.flatMap((_, i) =>
      i % units === 0 ? [...cams.slice(i, i + units), ...saliencies.slice(i, i + units)] : [],
    );
    expect(values(together.maps)).toEqual(expected);
  });

  it('is called again for other inputs, and for another call by whose tensors a gradient is taken', async () => {
    const method: ke.Method = ({ model: network, inputs }) => {
      const [first, activations] = network(inputs, 2);
      const [second] = network(inputs, 2);
      const [third] = network(ops.multiply(inputs, 2), 2);
      return { logits: ops.add(first, third), maps: gradient(second, activations) };
    };
    const { maps } = await ke.explain(method, model, random(2), null, raw);
    expect(instances(compiled())).toBe(3);
    expect(new Set((maps as ke.Tensor).data as Float32Array)).toEqual(new Set([0]));
  });
});

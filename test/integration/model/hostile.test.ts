/** The finds of the property tests of hostile data, each with a name. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import vm from 'node:vm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as ke from '../../../lib/index.js';
import { fixture, load, raw } from '../helpers/explain_fixture.js';
import { bitsOf } from './hostile_models.js';

const { gradcam } = ke.methods.cams;
const { ops } = ke.graph;
const values = () => Float32Array.from({ length: 8 }, (_, i) => i / 3);
const shape = [1, 2, 2, 2];
const explain = (x: unknown, y?: unknown, options: object = raw) =>
  ke.explain(gradcam, model, x as ke.Tensor, y as null, options);
const misuse = (name: string) => ({
  code: expect.stringMatching(/^(INVALID_ARGUMENT|OUT_OF_RANGE)$/),
  message: expect.stringContaining(`\`${name}\``),
});

let model: ke.Model;
let plain: string;
beforeAll(async () => {
  model = await load();
  plain = bitsOf(await explain(ke.tensor(values(), shape)));
});
afterAll(() => model.close());

describe('the process lives', () => {
  /** In a process of its own, which a mistake would end. */
  const survive = async (code: string): Promise<string> => {
    const script = `import * as ke from ${JSON.stringify(new URL('../../../dist/index.js', import.meta.url).href)};
      await ke.ready();
      const tell = async (make) => { try { await make(); console.log('made'); } catch (error) { console.log(error.code); } };
      ${code}`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    return stdout.trim();
  };

  it('with tensors of more axes than TensorFlow has, or whose sizes overflow before a 0', async () => {
    expect(await survive('await tell(() => ke.allocate(Array(300).fill(1)));')).toBe('OUT_OF_RANGE');
    expect(await survive('await tell(() => ke.allocate([2 ** 40, 2 ** 40, 0]));')).toBe('OUT_OF_RANGE');
  });

  it('with tensors that are larger than an ArrayBuffer can be', async () => {
    const { MAX_LENGTH } = (await import('node:buffer')).constants;
    expect(await survive(`await tell(() => ke.allocate([${MAX_LENGTH} + 8], 'uint8'));`)).toMatch(
      /^(RESOURCE_EXHAUSTED|OUT_OF_RANGE)$/,
    );
  });

  it('with arrays that contain themselves', async () => {
    const code = `const cycle = []; cycle.push(cycle);
      await tell(() => ke.tensor(cycle));`;
    expect(await survive(code)).toBe('OUT_OF_RANGE');
    const cycle: unknown[] = [];
    cycle.push(cycle);
    await expect(explain(ke.tensor(values(), shape), cycle)).rejects.toMatchObject(misuse('y'));
    await expect(explain(ke.tensor(values(), shape), null, { ...raw, psi: cycle })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

describe('nothing that nobody wrote comes into a map', () => {
  it('where a class says that its arrays are longer', async () => {
    class Longer extends Float32Array {
      override get length() {
        return 16;
      }
    }
    await expect(explain({ data: new Longer(8), shape: [2, 2, 2, 2] })).rejects.toMatchObject(
      misuse('x.shape'),
    );
    expect(bitsOf(await explain({ data: new Longer(values()), shape }))).toBe(plain);
  });

  it('where a class overrides what copies and reads it', async () => {
    class Other extends Float32Array {
      static get [Symbol.species]() {
        return Array as unknown as Float32ArrayConstructor;
      }
      // @ts-expect-error: no class may, which is why this one does.
      subarray() {
        return new Float32Array(0);
      }
    }
    expect(bitsOf(await explain({ data: new Other(values()), shape }))).toBe(plain);
  });

  it('where a buffer is resized while a call is in flight', async () => {
    const buffer = new (
      ArrayBuffer as unknown as new (
        bytes: number,
        options: object,
      ) => ArrayBuffer & { resize(n: number): void }
    )(32, { maxByteLength: 64 });
    const data = new Float32Array(buffer);
    data.set(values());
    const grown = explain({ data, shape });
    buffer.resize(64);
    expect(bitsOf(await grown)).toBe(plain);
    const shrunk = explain({ data: new Float32Array(buffer, 0, 8), shape });
    buffer.resize(16);
    await expect(shrunk).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('no value becomes another', () => {
  it.each<[unknown[], 'int64' | 'uint64' | 'bool']>([
    [[2n ** 63n], 'int64'],
    [[2 ** 63], 'int64'],
    [[-(2n ** 63n) - 1n], 'int64'],
    [[2n ** 64n], 'uint64'],
    [[256], 'bool'],
    [[0.5], 'bool'],
  ])('%s as %s', (data, dtype) => {
    expect(() => ke.tensor(data as number[], undefined, dtype)).toThrow(
      expect.objectContaining({ code: 'OUT_OF_RANGE' }),
    );
  });

  it('the largest of 64 bits', () => {
    expect(ke.tensor([2n ** 63n - 1n, -(2n ** 63n)], undefined, 'int64').data).toEqual(
      new BigInt64Array([2n ** 63n - 1n, -(2n ** 63n)]),
    );
    expect(ke.tensor([2n ** 64n - 1n], undefined, 'uint64').data).toEqual(
      new BigUint64Array([2n ** 64n - 1n]),
    );
  });

  it('a constant of a graph that its dtype cannot hold', async () => {
    const method: ke.Method = ({ model: network, inputs }) => {
      const [logits, activations] = network(inputs, 2);
      return {
        logits,
        maps: ops.add(activations, ops.cast(ops.add(ops.constant(1, 'int32'), 2 ** 40), 'float32')),
      };
    };
    await expect(ke.explain(method, model, ke.tensor(values(), shape), null, raw)).rejects.toMatchObject(
      misuse('value'),
    );
  });

  it('a hole in a shape', () => {
    expect(() => ke.tensor(new Float32Array(4), Object.assign(new Array(3), { 0: 2, 2: 2 }))).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  it('the dtype and shape of a tensor', () => {
    const tensor = ke.tensor(values(), shape) as { dtype: string; shape: readonly number[] };
    expect(() => {
      tensor.dtype = 'float64';
    }).toThrow(TypeError);
    expect(() => {
      tensor.shape = [2, 2, 2, 1];
    }).toThrow(TypeError);
  });
});

describe('what only looks right is told', () => {
  it('a Proxy of a Tensor', async () => {
    const proxy = () => new Proxy(ke.tensor(values(), shape), {});
    expect(proxy() instanceof ke.Tensor).toBe(false);
    await expect(explain(proxy())).rejects.toThrow('It is a Proxy of a Tensor');
    await expect(explain([proxy()])).rejects.toMatchObject(misuse('x[0]'));
    await expect(explain(ke.tensor(values(), shape), proxy())).rejects.toMatchObject(misuse('y'));
    await expect(ke.image.encodePng(proxy())).rejects.toMatchObject(misuse('image'));
    const into = { maps: new Proxy(ke.allocate([1, 2, 2, 3]), {}) };
    await expect(explain(ke.tensor(values(), shape), null, { ...raw, into })).rejects.toMatchObject(
      misuse('into.maps'),
    );
  });

  it('a Proxy of a Model', async () => {
    const call = ke.explain(gradcam, new Proxy(model, {}), ke.tensor(values(), shape), null, raw);
    await expect(call).rejects.toThrow('A Proxy of a model is not accepted');
  });

  it.each<[string, unknown]>([
    ['next() that gives no object', () => ({ next: () => undefined })],
    ['next() that gives a batch as it is', () => ({ next: () => 5 })],
    ['no next()', () => ({})],
    ['no iterator', () => undefined],
  ])('an iterable with %s', async (_, iterator) => {
    await expect(explain({ [Symbol.iterator]: iterator })).rejects.toMatchObject(misuse('x'));
    await expect(explain({ [Symbol.asyncIterator]: iterator })).rejects.toMatchObject(misuse('x'));
  });

  it('a function whose name is no text', async () => {
    const named = Object.defineProperty(() => 1, 'name', { value: Symbol('name') });
    await expect(explain(named)).rejects.toMatchObject(misuse('x'));
    await expect(ke.explain(named as never, model, ke.tensor(values(), shape))).rejects.toMatchObject({
      name: 'GraphError',
    });
    expect(ke.partialExplain(named as never).name).toBe('_explain');
  });

  it('more threads than there may be, and a path with a NUL', async () => {
    for (const threads of [{ interOp: 100_000 }, { intraOp: 2 ** 31 }]) {
      await expect(load({ threads })).rejects.toMatchObject(misuse(`threads.${Object.keys(threads)[0]}`));
    }
    await expect(ke.loadModel(`${fixture('frozen.pb')}\0.png`)).rejects.toMatchObject(misuse('path'));
  });

  it('a large array, without a look at each of its elements', async () => {
    const keys = vi.spyOn(Object, 'keys');
    await expect(explain(new Float32Array(1e6))).rejects.toThrow(
      'received 4000000 bytes of type Float32Array',
    );
    expect(keys.mock.calls.some(([given]) => given instanceof Float32Array)).toBe(false);
    keys.mockRestore();
  });
});

it('a promise that fails where none is waited for is a warning, and ends nothing', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const late = async () => {
    throw new Error('late');
  };
  const x = ke.tensor(values(), shape);
  await expect(explain(x, null, { ...raw, postprocessing: late })).rejects.toMatchObject({
    name: 'GraphError',
  });
  await expect(ke.explain(late as never, model, x, null, raw)).rejects.toMatchObject({ name: 'GraphError' });
  await explain(x, null, { ...raw, callbacks: [{ setModel: late }] });
  await vi.waitFor(() =>
    expect(warn.mock.calls.filter(([text]) => String(text).includes('failed: late'))).toHaveLength(3),
  );
  warn.mockRestore();
});

it('arrays of another realm are arrays', async () => {
  const x = vm.runInNewContext(
    '({ data: Float32Array.from({ length: 8 }, (_, i) => i / 3), shape: [1, 2, 2, 2] })',
  );
  expect(bitsOf(await explain(x))).toBe(plain);
});

import { describe, expect, it } from 'vitest';
import { allocate, copySlowly, memory, Tensor, tensor } from '../../../lib/tensor/tensor.js';

describe('tensor()', () => {
  it('takes nested arrays, float32 by default', () => {
    const made = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(made).toBeInstanceOf(Tensor);
    expect(made.dtype).toBe('float32');
    expect(made.shape).toEqual([2, 3]);
    expect(made.data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect([made.size, made.byteLength]).toEqual([6, 24]);
  });

  it('takes typed arrays without a copy, in their own dtype', () => {
    const data = new Int32Array(6);
    const made = tensor(data, [3, 2]);
    expect(made.dtype).toBe('int32');
    expect(made.data.buffer).toBe(data.buffer);
    expect(tensor(data).shape).toEqual([6]);
  });

  it('takes bits of half floats where told so', () => {
    expect(tensor(new Uint16Array(4), [4], 'bfloat16').dtype).toBe('bfloat16');
    expect(tensor([1, 2], [2], 'float16').data).toEqual(Uint16Array.of(0x3c00, 0x4000));
  });

  it('takes empty arrays and scalars', () => {
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(tensor([7], []).shape).toEqual([]);
  });

  it.each([
    [() => tensor([[1, 2], [3]]), 'Expected arrays of equal length (2) on axis 1 for argument `data`'],
    [() => tensor([1, [2]] as never), 'Expected numbers for argument `data`'],
    [() => tensor([[1], 2] as never), 'Expected arrays nested 2 deep for argument `data`'],
    [() => tensor(['a'] as never), 'Expected numbers for argument `data` but received "a"'],
    [() => tensor(3 as never), 'Expected a typed array or nested arrays of numbers'],
    [() => tensor([1, 2, 3], [2, 2]), 'a shape of 3 elements, as `data` has, for argument `shape`'],
    [() => tensor([1], [-1]), 'Expected sizes of at least 0 for argument `shape`'],
    [() => tensor([1.5], [1], 'int32'), 'Expected int32 values for argument `data` but received 1.5'],
    [() => tensor([256], [1], 'uint8'), 'Expected uint8 values for argument `data` but received 256'],
    [() => tensor([1], [1], 'complex' as never), 'Expected one of float32, float64'],
    [() => tensor(new Int32Array(1), [1], 'float32'), 'the typed array of float32 for argument `data`'],
  ])('refuses %s', (make, message) => {
    expect(make).toThrow(message);
  });

  it('cannot be read once it is released, and releases twice without harm', () => {
    const made = tensor([1]);
    made.release();
    made.release();
    expect(made.released).toBe(true);
    expect(() => made.data).toThrow('This tensor is released.');
    {
      using scoped = tensor([1]);
      expect(scoped.released).toBe(false);
    }
  });
});

describe('before TensorFlow is loaded', () => {
  it('allocate says what to await, or that the addon is missing', () => {
    expect(() => allocate([1])).toThrow(/TensorFlow is not loaded yet|native addon/);
    expect(() => allocate([1.5])).toThrow('Expected an array of sizes for argument `shape`');
  });

  it('memory is zero', () => {
    expect(memory()).toMatchObject({ liveTensors: 0, liveBytes: 0 });
  });
});

describe('copySlowly', () => {
  it('copies all of it and gives way to other work', async () => {
    const source = Float32Array.from({ length: 4_000_000 }, (_, i) => i);
    const target = new Float32Array(4_000_010);
    let turns = 0;
    let copying = true;
    const turn = () => {
      turns += 1;
      if (copying) setImmediate(turn);
    };
    setImmediate(turn);
    await copySlowly(source, target, 10);
    copying = false;
    expect(target.subarray(10).every((value, i) => value === source[i])).toBe(true);
    expect(target.subarray(0, 10)).toEqual(new Float32Array(10));
    expect(turns).toBeGreaterThan(1);
  });

  it('refuses memory that goes meanwhile, of either side: what is not copied would be anything', async () => {
    for (const side of ['source', 'target'] as const) {
      const arrays = { source: new Float32Array(4_000_000), target: new Float32Array(4_000_000) };
      const copying = copySlowly(arrays.source, arrays.target, 0);
      structuredClone(null, { transfer: [arrays[side].buffer] });
      await expect(copying, side).rejects.toMatchObject({ code: 'CLOSED' });
    }
  });
});

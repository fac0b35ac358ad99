import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  fromNative,
  GraphError,
  KerasExplainableError,
  ModelError,
  native,
  nativeAsync,
  ResourceError,
  UnsupportedOpError,
} from '../../../lib/support/errors.js';

const nativeError = (code: string, op = '') => Object.assign(new Error(`it failed: ${code}`), { code, op });

describe('native errors become ours', () => {
  it.each([
    ['CANCELLED', CancelledError],
    ['RESOURCE_EXHAUSTED', ResourceError],
    ['UNIMPLEMENTED', UnsupportedOpError],
    ['INVALID_ARGUMENT', KerasExplainableError],
  ])('%s', (code, expected) => {
    const original = nativeError(code, 'conv1/Conv2D');
    const error = fromNative(original);
    expect(error).toBeInstanceOf(expected);
    expect(error).toMatchObject({ code, op: 'conv1/Conv2D', cause: original, name: expected.name });
  });

  it('of the class that the caller knows better', () => {
    expect(fromNative(nativeError('NOT_FOUND'), ModelError)).toBeInstanceOf(ModelError);
    expect(fromNative(nativeError('UNIMPLEMENTED'), ModelError)).toBeInstanceOf(UnsupportedOpError);
  });

  it('once only, and nothing else', () => {
    const ours = new GraphError('INTERNAL', 'ours');
    expect(fromNative(ours)).toBe(ours);
    const plain = new Error('a bug of ours');
    expect(fromNative(plain)).toBe(plain);
    expect(fromNative('text')).toBe('text');
    const misuse = Object.assign(new TypeError('misuse'), { code: 'INVALID_ARGUMENT' });
    expect(fromNative(misuse)).toBe(misuse);
  });

  it('from synchronous and asynchronous work', async () => {
    const fail = () => {
      throw nativeError('NOT_FOUND');
    };
    expect(() => native(fail, ModelError)).toThrow(ModelError);
    await expect(nativeAsync(() => Promise.reject(nativeError('NOT_FOUND')), ModelError)).rejects.toThrow(
      ModelError,
    );
    await expect(nativeAsync(() => Promise.resolve(3))).resolves.toBe(3);
  });
});

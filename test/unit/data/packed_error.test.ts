/** Errors on their way between threads: whatever is thrown arrives, and packing always ends. */
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { packError, unpackError } from '../../../lib/data/packed_error.js';

/** As the other thread has it. */
// biome-ignore lint/suspicious/noExplicitAny: whatever properties an error has
const sent = (error: unknown): any => unpackError(structuredClone(packError(error)));

/** The causes of an error, outermost first. */
function causesOf(error: Error): Error[] {
  const causes = [];
  for (let each = error.cause; each instanceof Error; each = each.cause) causes.push(each);
  return causes;
}

describe('an error', () => {
  it('keeps class, name, message, stack, fields and causes', () => {
    class OddError extends Error {
      override name = 'OddError';
    }
    const cause = Object.assign(new TypeError('inner', { cause: new OddError('innermost') }), { code: 'E' });
    const error = Object.assign(new RangeError('outer', { cause }), { path: '/x', count: 2, list: [1] });
    const arrived = sent(error);
    expect(arrived).toBeInstanceOf(RangeError);
    expect(arrived).toMatchObject({ message: 'outer', stack: error.stack, path: '/x', count: 2 });
    expect(arrived).not.toHaveProperty('list');
    expect(arrived.cause).toBeInstanceOf(TypeError);
    expect(arrived.cause).toMatchObject({ message: 'inner', code: 'E', stack: cause.stack });
    expect(arrived.cause.cause).toMatchObject({ name: 'OddError', message: 'innermost' });
  });

  it('can come from another realm', () => {
    expect(sent(runInNewContext("new RangeError('elsewhere')"))).toMatchObject({
      name: 'RangeError',
      message: 'elsewhere',
    });
  });

  it.each([['text'], [Symbol('text')], [null], [undefined], [7]])('is any value: %s', (value) => {
    expect(sent(value).message).toBe(String(value));
  });
});

describe('causes', () => {
  it('can form a circle: each cause arrives once', () => {
    const own = new Error('own');
    own.cause = own;
    expect(causesOf(sent(own))).toEqual([]);
    const [one, two, three] = ['one', 'two', 'three'].map((text) => new Error(text)) as [Error, Error, Error];
    one.cause = two;
    two.cause = three;
    three.cause = one;
    expect(causesOf(sent(one)).map(({ message }) => message)).toEqual(['two', 'three']);
  });

  it('can form a chain of any length, which is cut', () => {
    let error = new Error('0');
    for (let i = 1; i < 20_000; i++) error = new Error(String(i), { cause: error });
    const arrived = sent(error);
    expect(arrived.message).toBe('19999');
    const causes = causesOf(arrived);
    expect(causes.length).toBeGreaterThanOrEqual(8);
    expect(causes.length).toBeLessThan(100);
  });

  it('may make a new error each time they are read', () => {
    class Endless extends Error {
      override get cause(): unknown {
        return new Endless('again');
      }
    }
    expect(causesOf(sent(new Endless('once'))).length).toBeLessThan(100);
  });

  it('may be shared', () => {
    const cause = new Error('shared');
    const arrived = sent(new AggregateError([new Error('a', { cause }), new Error('b', { cause })]));
    expect(arrived.errors.map((each: Error) => (each.cause as Error).message)).toEqual(['shared', 'shared']);
  });
});

describe('an AggregateError', () => {
  it('keeps its errors, but not itself among them', () => {
    const error = new AggregateError([new TypeError('first'), 'second'], 'both', { cause: new Error('why') });
    error.errors.push(error);
    const arrived = sent(error);
    expect(arrived).toBeInstanceOf(AggregateError);
    expect(arrived).toMatchObject({ name: 'AggregateError', message: 'both', cause: { message: 'why' } });
    expect(arrived.errors[0]).toBeInstanceOf(TypeError);
    expect(arrived.errors.map(({ message }: Error) => message)).toEqual([
      'first',
      'second',
      '1 more error, left out',
    ]);
  });

  it('reports how many errors are left out', () => {
    const { errors } = sent(new AggregateError(Array.from({ length: 1000 }, (_, i) => new Error(String(i)))));
    expect(errors.length).toBeLessThan(150);
    expect(errors.at(-1).message).toBe(`${1000 - (errors.length - 1)} more errors, left out`);
  });

  it('can hold many AggregateErrors that each hold many errors', () => {
    const nest = (depth: number): Error =>
      depth === 0 ? new Error('leaf') : new AggregateError(Array(10).fill(nest(depth - 1)));
    expect(JSON.stringify(packError(nest(12))).length).toBeLessThan(1e6);
  });
});

describe('properties that cannot be read', () => {
  const throwing = () => {
    throw new Error('not for reading');
  };

  it.each(['name', 'message', 'stack', 'cause', 'code', 'errors'])('do not lose the rest: %s', (key) => {
    const error = Object.assign(new AggregateError([new Error('part')], 'kept'), { path: '/x' });
    Object.defineProperty(error, key, { get: throwing, enumerable: true });
    const arrived = sent(error);
    expect(arrived).toMatchObject({ path: '/x' });
    if (key !== 'message') expect(arrived.message).toBe('kept');
  });

  it.each([
    ['an object without a prototype', Object.create(null)],
    ['one that makes no text of itself', { toString: throwing }],
    ['a Proxy that refuses everything', new Proxy({}, { getPrototypeOf: throwing, get: throwing })],
    ['an error behind such a Proxy', new Proxy(new Error('x'), { ownKeys: throwing, get: throwing })],
    [
      'values that no thread can be sent',
      Object.assign(new Error('x'), { stack: () => 1, name: Symbol('x') }),
    ],
  ])('are of %s', (_, value) => {
    expect(sent(value)).toBeInstanceOf(Error);
  });
});

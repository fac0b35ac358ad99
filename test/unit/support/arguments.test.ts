import { describe, expect, it } from 'vitest';
import {
  checkInteger,
  checkOptions,
  listOf,
  nearNames,
  outOfRange,
  refused,
  unknownOption,
  wrongType,
} from '../../../lib/support/arguments.js';

describe('argument errors', () => {
  it('say what was expected, where, what was received and how to fix the call', () => {
    const error = wrongType('y', 'integers', [0.5, 1], 'Round them.');
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(
      'Expected integers for argument `y` but received [0.5, 1] of type Array. Round them.',
    );
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('name null, undefined, functions, objects and long strings', () => {
    expect(wrongType('x', 'a Tensor', null).message).toMatch('but received null.');
    expect(wrongType('x', 'a Tensor', undefined).message).toMatch('but received undefined.');
    expect(wrongType('x', 'a Tensor', function named() {}).message).toMatch(
      'function named of type function',
    );
    expect(wrongType('x', 'a Tensor', { a: 1, b: 2 }).message).toMatch('an object {a, b} of type Object');
    expect(wrongType('x', 'a Tensor', 'z'.repeat(100)).message.length).toBeLessThan(150);
  });

  it('name the functions of a list, not their source', () => {
    expect(wrongType('x', 'a function', [function named() {}, 'a', null]).message).toMatch(
      'received [function named, a, null] of type Array.',
    );
  });

  it('tell a wrong value from a wrong type', () => {
    expect(outOfRange('n', 'at least 1', 0)).toBeInstanceOf(RangeError);
    expect(outOfRange('n', 'at least 1', 0)).toMatchObject({ code: 'OUT_OF_RANGE' });
    expect(refused('x', 'a row', 'none').message).toBe('Expected a row for argument `x` but received none.');
  });

  it('check integers', () => {
    expect(checkInteger('n', 3)).toBe(3);
    expect(() => checkInteger('n', 0)).toThrow(
      'Expected an integer of at least 1 for argument `n` but received 0 of type number.',
    );
    expect(() => checkInteger('n', 1.5)).toThrow(RangeError);
    expect(() => checkInteger('n', '3')).toThrow(TypeError);
    expect(() => checkInteger('n', Number.NaN)).toThrow(RangeError);
  });
});

describe('options', () => {
  it('that are misspelled name the right one', () => {
    expect(unknownOption('batch_size', ['batchSize', 'steps']).message).toBe(
      'Misspelled option "batch_size" should be "batchSize".',
    );
    expect(unknownOption('colour', ['batchSize', 'steps']).message).toBe(
      'Unknown option "colour". Expected one of: batchSize, steps.',
    );
  });

  it('are refused where they are not known', () => {
    expect(() => checkOptions('options', { stepz: 1 }, ['steps'])).toThrow('Misspelled option "stepz"');
    expect(() => checkOptions('options', 3, ['steps'])).toThrow(TypeError);
    expect(() => checkOptions('options', { steps: 1 }, ['steps'])).not.toThrow();
  });
});

describe('nearNames', () => {
  const names = ['conv1', 'conv2_block1_out', 'avg_pool', 'predictions'];

  it('finds misspellings, nearest first', () => {
    expect(nearNames('prediction', names)).toEqual(['predictions']);
    expect(nearNames('avgpool', names)).toEqual(['avg_pool']);
    expect(nearNames('conv2', names)[0]).toBe('conv1');
  });

  it('finds nothing for what is not alike', () => {
    expect(nearNames('zzz', names)).toEqual([]);
  });
});

describe('listOf', () => {
  it('copies a list, with holes as undefined', () => {
    expect(listOf(Object.assign(new Array<number>(2), { 0: 1 }))).toEqual([1, undefined]);
  });

  it('refuses a sparse array whose copy would end the process', () => {
    expect(() => listOf(new Array(2 ** 32 - 1))).toThrow(RangeError);
  });
});

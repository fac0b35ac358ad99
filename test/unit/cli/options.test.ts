import { describe, expect, test } from 'vitest';
import {
  fraction,
  imageSize,
  integer,
  number,
  numberList,
  oneOf,
  unitList,
} from '../../../lib/cli/shared/common_options.js';

const amount = number({ least: 0 });
const scaleList = numberList({ above: 0 }, '0.5,1.5,2');

describe('options', () => {
  test('values that are no numbers or out of bounds are refused', () => {
    expect(integer(1)('12')).toBe(12);
    for (const text of ['0', '-1', '1.5', '1e2', 'two', ''])
      expect(() => integer(1)(text)).toThrow(/at least 1/);
    expect(() => integer(1, 9)('10')).toThrow(/from 1 to 9/);
    expect(fraction('0.25')).toBe(0.25);
    for (const text of ['1.01', '-0.1', 'half', '', 'NaN'])
      expect(() => fraction(text)).toThrow(/from 0 to 1/);
  });

  test('units are a list without repetition', () => {
    expect(unitList('3, 1,3')).toEqual([3, 1]);
    for (const text of ['', '1,', '-1', 'a', '1.5']) expect(() => unitList(text)).toThrow(/unit indices/);
  });

  test('a size is one number, or height by width', () => {
    expect(imageSize('224')).toEqual([224, 224]);
    expect(imageSize('96x128')).toEqual([96, 128]);
    expect(imageSize('8192')).toEqual([8192, 8192]);
    expect(() => imageSize('8192x8193')).toThrow('at most 67108864 pixels');
    expect(() => imageSize('100000')).toThrow('at most 67108864 pixels');
    for (const text of ['0', '0x4', '4x', 'x4', '4x4x4', 'big']) expect(() => imageSize(text)).toThrow(/224/);
  });

  test('amounts are finite and not negative, scales above 0', () => {
    expect([amount('0'), amount('25.5'), amount('1e-3')]).toEqual([0, 25.5, 0.001]);
    for (const text of ['-1', '', 'much', 'NaN', 'Infinity'])
      expect(() => amount(text)).toThrow(/at least 0/);
    expect(scaleList('0.5, 2')).toEqual([0.5, 2]);
    expect(scaleList('')).toEqual([]);
    for (const text of ['0', '1,', '-1', '1;2', 'Infinity']) expect(() => scaleList(text)).toThrow(/above 0/);
  });

  test('a misspelled name is answered with the nearest one', () => {
    expect(() => oneOf(['gradcam', 'gradients'])('grad-cam')).toThrow("Did you mean 'gradcam'?");
    expect(() => oneOf(['tf', 'torch'])('zzzzzz')).toThrow('Expected one of: tf, torch.');
  });
});

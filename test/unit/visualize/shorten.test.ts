import { describe, expect, test } from 'vitest';
import { shorten } from '../../../lib/visualize/shorten.js';

/** Room for so many characters of one width, or for narrow ones (an ellipsis, `i`) of half of it. */
const within = (room: number) => (text: string) =>
  [...text].reduce((width, each) => width + (each === '\u2026' || each === 'i' ? 0.5 : 1), 0) <= room;

describe('shorten', () => {
  const line = 'abcdefgh';

  test.each([
    [8, 'abcdefgh'],
    [9, 'abcdefgh'],
    // The ellipsis takes half of what the last character would: all but one are kept.
    [7.5, 'abcdefg\u2026'],
    [7, 'abcdef\u2026'],
    [6.5, 'abcdef\u2026'],
    [2, 'a\u2026'],
    [1.5, 'a\u2026'],
    [1, '\u2026'],
    [0, '\u2026'],
  ])('into room for %d characters', (room, expected) => {
    expect(shorten(line, within(room))).toBe(expected);
  });

  test('keeps as much as fits, at every length', () => {
    for (let length = 1; length <= 40; length++) {
      const whole = 'x'.repeat(length);
      for (let room = 1; room < length; room++) {
        expect(shorten(whole, within(room))).toBe(`${'x'.repeat(Math.floor(room - 0.5))}\u2026`);
      }
    }
  });

  test('leaves no space before the ellipsis, and no part of a character', () => {
    expect(shorten('ab cdef', within(3.5))).toBe('ab\u2026');
    // A family of four, joined: one character of seven code points.
    const family = '👨\u200d👩\u200d👧\u200d👦';
    expect(shorten(`a${family}b`, within(3))).toBe('a\u2026');
    expect(shorten(`a${family}bcd`, within(8.5))).toBe(`a${family}\u2026`);
  });

  test('an empty line fits', () => {
    expect(shorten('', within(0))).toBe('');
  });
});

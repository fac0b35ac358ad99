// @ts-check
/** What is left of a line that is too wide. JavaScript, as the thread that draws titles is. */

const ELLIPSIS = '\u2026';
const segmenter = new Intl.Segmenter();

/**
 * The line itself where it fits, else as much of its beginning as fits with an ellipsis after it. What a person sees as
 * one character is kept whole.
 *
 * @param {string} line
 * @param {(text: string) => boolean} fits whether there is room for a text; a longer one never fits where a shorter
 *   one does not.
 */
export function shorten(line, fits) {
  if (fits(line)) return line;
  const characters = Array.from(segmenter.segment(line), ({ segment }) => segment);
  // An ellipsis may be narrower than the one character that it stands for.
  let [least, most] = [0, characters.length - 1];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(characters.slice(0, middle).join('') + ELLIPSIS)) least = middle;
    else most = middle - 1;
  }
  return characters.slice(0, least).join('').trimEnd() + ELLIPSIS;
}

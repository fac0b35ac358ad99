// @ts-check
/** Shortens lines that are too wide. JavaScript, because the thread that draws titles runs it. */

const ELLIPSIS = '\u2026';
const segmenter = new Intl.Segmenter();

/**
 * Returns the line if it fits, else the longest beginning that fits together with an ellipsis. Grapheme clusters (what
 * a person sees as one character) are not split.
 *
 * @param {string} line
 * @param {(text: string) => boolean} fits whether a text fits. If a text does not fit, no longer text fits.
 */
export function shorten(line, fits) {
  if (fits(line)) return line;
  const characters = Array.from(segmenter.segment(line), ({ segment }) => segment);
  // An ellipsis may be narrower than the one character that it replaces.
  let [least, most] = [0, characters.length - 1];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(characters.slice(0, middle).join('') + ELLIPSIS)) least = middle;
    else most = middle - 1;
  }
  return characters.slice(0, least).join('').trimEnd() + ELLIPSIS;
}

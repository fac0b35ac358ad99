// @ts-check
/**
 * Draws the titles of a figure, in a thread of its own: loading Skia and the font takes tens of milliseconds. JavaScript,
 * so that a thread can begin with it where TypeScript runs from its sources, as in tests.
 */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { createCanvas, GlobalFonts } from '@napi-rs/canvas';

const FAMILY = 'keras-explainable titles';
const FONT = '@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff2';
const ELLIPSIS = '\u2026';

/** @type {import('./titles.js').TitleJob} */
const { titles, width, height, fontSize, lineHeight, padding } = workerData;

const font = GlobalFonts.registerFromPath(createRequire(import.meta.url).resolve(FONT), FAMILY);
if (font === null) throw new Error(`The font ${FONT} cannot be read.`);

const context = createCanvas(width, height).getContext('2d');
context.font = `${fontSize}px "${FAMILY}"`;
context.textAlign = 'center';
context.textBaseline = 'middle';
const room = width - 2 * padding;
const segmenter = new Intl.Segmenter();

/**
 * The line itself, or as much of its beginning as there is room for.
 *
 * @param {string} line
 */
function shortened(line) {
  const fits = (/** @type {string} */ text) => context.measureText(text).width <= room;
  if (fits(line)) return line;
  const characters = Array.from(segmenter.segment(line), ({ segment }) => segment);
  let [least, most] = [0, characters.length - 1];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(characters.slice(0, middle).join('') + ELLIPSIS)) least = middle;
    else most = middle - 1;
  }
  return characters.slice(0, least).join('').trimEnd() + ELLIPSIS;
}

/**
 * Black on white, as grey levels: 255 less the opacity of black on nothing.
 *
 * @param {string} title
 */
function draw(title) {
  context.clearRect(0, 0, width, height);
  const lines = title.split('\n');
  // The last line stands next to the picture.
  const top = height - padding - lines.length * lineHeight;
  lines.forEach((line, i) => {
    context.fillText(shortened(line), width / 2, top + (i + 0.5) * lineHeight);
  });
  const { data } = context.getImageData(0, 0, width, height);
  return Uint8Array.from({ length: width * height }, (_, i) => 255 - Number(data[4 * i + 3]));
}

/** @type {Map<string, Uint8Array>} */
const strips = new Map();
for (const title of titles) {
  if (title !== null && title !== '' && !strips.has(title)) strips.set(title, draw(title));
}
parentPort?.postMessage(
  strips,
  [...strips.values()].map(({ buffer }) => /** @type {ArrayBuffer} */ (buffer)),
);

// @ts-check
/**
 * Draws the titles of a figure in a separate thread, because loading Skia and the font takes tens of milliseconds.
 * JavaScript, because tests run TypeScript from its sources and a thread cannot start with TypeScript.
 */
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { createCanvas, GlobalFonts } from '@napi-rs/canvas';
import { shorten } from './shorten.js';

const FAMILY = 'keras-explainable titles';
const FONT = '@fontsource/dejavu-sans/files/dejavu-sans-latin-400-normal.woff2';

/** @type {import('./titles.js').TitleJob} */
const { titles, width, height, fontSize, lineHeight, padding } = workerData;

const font = GlobalFonts.registerFromPath(createRequire(import.meta.url).resolve(FONT), FAMILY);
if (font === null) throw new Error(`The font ${FONT} cannot be read.`);

const context = createCanvas(width, height).getContext('2d');
context.font = `${fontSize}px "${FAMILY}"`;
context.textAlign = 'center';
context.textBaseline = 'middle';
const available = width - 2 * padding;
/** @param {string} text */
const fits = (text) => context.measureText(text).width <= available;

/**
 * Draws black on white as grey levels: 255 minus the opacity of black on a transparent canvas.
 *
 * @param {string} title
 */
function draw(title) {
  context.clearRect(0, 0, width, height);
  const lines = title.split('\n');
  // The last line is next to the picture.
  const top = height - padding - lines.length * lineHeight;
  lines.forEach((line, i) => {
    context.fillText(shorten(line, fits), width / 2, top + (i + 0.5) * lineHeight);
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

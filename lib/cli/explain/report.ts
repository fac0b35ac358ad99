import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { withPath } from '../../support/write_whole.js';
import { formatScore, type Prediction, SCORE_TEXTS, type ScoreKind } from '../shared/pictures/predictions.js';
import type { PointingResult } from './pointing.js';

/** An overlay and its path relative to the page. */
export interface ReportOverlay {
  readonly path: string;
  readonly prediction: Prediction;
}

export interface ReportPicture {
  /** The file name of the picture as the user gave it. */
  readonly name: string;
  readonly original: string;
  readonly size: readonly [height: number, width: number];
  readonly overlays: readonly ReportOverlay[];
  readonly predictions: readonly Prediction[];
  /** Whether the map's maximum is inside the picture's box. Absent if the picture has no box. */
  readonly hit?: boolean;
}

export interface ReportHeading {
  readonly model: string;
  readonly method: string;
  readonly scoreKind: ScoreKind;
}

/** Flags like 'w', but every write goes to the end of the file, even after the file was truncated. */
const EMPTIED = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND;

/**
 * Writes `index.html` picture by picture. Memory therefore does not grow with the number of pictures, and the page
 * stays readable if the run is interrupted. The page needs no script and nothing from the network.
 */
export class Report {
  readonly #file: FileHandle;
  readonly #path: string;
  /** The number of bytes of completely written parts. */
  #length = 0;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  static async create(path: string, heading: ReportHeading): Promise<Report> {
    const report = new Report(await open(path, EMPTIED), path);
    try {
      await report.#append(head(heading));
    } catch (error) {
      // A device cannot be truncated.
      const ours = (await report.#file.stat()).isFile();
      await report.#file.close();
      if (ours) await rm(path, { force: true });
      throw error;
    }
    return report;
  }

  async add(picture: ReportPicture): Promise<void> {
    await this.#append(article(picture));
  }

  /** Ends the page and closes the file. */
  async finish(summary: readonly string[]): Promise<void> {
    const lines = summary.map((line) => `<p>${escapeHtml(line)}</p>\n`).join('');
    try {
      await this.#append(`</main>\n<footer>\n${lines}</footer>\n</body>\n</html>\n`);
    } finally {
      await this.#file.close();
    }
  }

  /**
   * Writes the whole text or nothing. A single `write` to a nearly full disk may write less and report only the number.
   */
  async #append(text: string): Promise<void> {
    try {
      await this.#file.appendFile(text);
      this.#length += Buffer.byteLength(text);
    } catch (error) {
      await this.#file.truncate(this.#length).catch(() => undefined);
      throw withPath(error, this.#path);
    }
  }
}

/** Returns the result of the pointing game in one line. */
export function formatPointing({ hits, pictures, accuracy, chance, nan = 0 }: PointingResult): string {
  const without = nan > 0 ? ` Maps that hold NaN, which are not counted: ${nan}.` : '';
  if (pictures === 0) return `Pointing game: no map has a maximum.${without}`;
  return (
    `Pointing game: the map's maximum is inside the box in ${hits} of ${pictures} pictures ` +
    `(${(accuracy * 100).toFixed(1)} %); chance gives ${(chance * 100).toFixed(1)} %.${without}`
  );
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}

/** Returns a relative path for `src`. Every segment is percent-encoded, so `#`, `?` and `%` stay part of the path. */
function source(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

const STYLE = `
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.4; }
body { margin: 0 auto; max-width: 80rem; padding: 1rem; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
article { border: 1px solid light-dark(#d0d4d9, #3b4148); border-radius: .5rem; padding: .75rem; }
h2 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
.pictures { display: grid; gap: .5rem; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
figure { margin: 0; }
img { display: block; height: auto; width: 100%; }
figcaption, ol, footer { font-size: .875rem; overflow-wrap: anywhere; }
ol { margin: .5rem 0 0; padding-left: 1.5rem; }
.hit, .miss { font-size: .875rem; margin: .5rem 0 0; }
`;

function head({ model, method, scoreKind }: ReportHeading): string {
  const title = escapeHtml(`${method}: where ${model} looked`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>Each picture beside its maps, one per explained class. ${SCORE_TEXTS[scoreKind]}</p>
</header>
<main>
`;
}

function article({ name, original, size, overlays, predictions, hit }: ReportPicture): string {
  const figures = [
    figure(original, `${name}, as the model was given it`, 'original', size),
    ...overlays.map(({ path, prediction }) =>
      figure(path, `${name} with the map of ${prediction.label} laid over it`, caption(prediction), size),
    ),
  ];
  const verdict =
    hit === undefined
      ? ''
      : `<p class="${hit ? 'hit' : 'miss'}">Maximum ${hit ? 'inside' : 'outside'} the box.</p>\n`;
  return `<article>
<h2>${escapeHtml(name)}</h2>
<div class="pictures">
${figures.join('\n')}
</div>
<ol aria-label="Top predictions">
${predictions.map((prediction) => `<li>${escapeHtml(caption(prediction))}</li>`).join('\n')}
</ol>
${verdict}</article>
`;
}

function caption({ label, score }: Prediction): string {
  return `${label}: ${formatScore(score)}`;
}

function figure(path: string, alt: string, text: string, [height, width]: readonly [number, number]): string {
  return (
    `<figure><img src="${escapeHtml(source(path))}" alt="${escapeHtml(alt)}" width="${width}" height="${height}" ` +
    `loading="lazy"><figcaption>${escapeHtml(text)}</figcaption></figure>`
  );
}

/** Titles as pixels. */
import { Worker } from 'node:worker_threads';
import { LoadError } from '../support/errors.js';
import { type Tensor, tensor } from '../tensor/tensor.js';

/** Matplotlib's 12 points, at 100 dots per inch. */
const FONT_SIZE = (12 * 100) / 72;
const LINE_HEIGHT = 20;
const PADDING = 4;

/** The message to the thread that draws titles. */
export interface TitleJob {
  readonly titles: readonly (string | null)[];
  readonly width: number;
  readonly height: number;
  readonly fontSize: number;
  readonly lineHeight: number;
  readonly padding: number;
}

/** Returns the height of a title strip: the height of the title with the most lines. 0 without titles. */
export function titleHeight(titles: readonly (string | null)[]): number {
  const lines = Math.max(0, ...titles.map((title) => (title ? title.split('\n').length : 0)));
  return lines === 0 ? 0 : lines * LINE_HEIGHT + 2 * PADDING;
}

/**
 * Draws titles in DejaVu Sans, in a thread that ends afterwards. Each line is shortened to the width.
 *
 * @returns a strip of grey levels per title: uint8 `(1, titleHeight(titles), width, 1)`.
 * @throws LoadError if the drawing library has no build for this machine.
 */
export async function drawTitles(
  titles: readonly (string | null)[],
  width: number,
): Promise<Map<string, Tensor<'uint8'>>> {
  const height = titleHeight(titles);
  if (height === 0) return new Map();
  const workerData: TitleJob = {
    titles,
    width,
    height,
    fontSize: FONT_SIZE,
    lineHeight: LINE_HEIGHT,
    padding: PADDING,
  };
  const strips = await run(workerData);
  return new Map(
    Array.from(strips, ([title, pixels]) => [title, tensor(pixels, [1, height, width, 1], 'uint8')]),
  );
}

function run(workerData: TitleJob): Promise<Map<string, Uint8Array>> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown) => {
      reject(
        new LoadError(
          'FAILED_PRECONDITION',
          `The titles cannot be drawn: ${cause instanceof Error ? cause.message : String(cause)}. ` +
            'Titles need the packages @napi-rs/canvas and @fontsource/dejavu-sans: install them again ' +
            '(`npm install`, without `--omit=optional`), or leave out `titles`.',
          { cause },
        ),
      );
    };
    const thread = new Worker(new URL('./title_thread.js', import.meta.url), {
      workerData,
      execArgv: [],
      // Loading the machine's own fonts takes a second, and results would differ between machines.
      env: { ...process.env, DISABLE_SYSTEM_FONTS_LOAD: '1' },
    });
    thread.once('message', resolve);
    thread.once('error', failed);
    thread.once('exit', (code) => failed(`the thread ended with code ${code}`));
  });
}

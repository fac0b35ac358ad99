import { formatBytes, formatNumber } from '../shared/numbers.js';
import { shapeText } from '../shared/pictures/target.js';
import { paint, type Terminal, writeJson, writeLine } from '../shared/terminal.js';

export type Call = 'predict' | 'explain';

/** The facts that are known before the measurement. */
export interface Setup {
  /** The version of TensorFlow. */
  readonly tensorflow: string;
  readonly method: string;
  /** The shape of one sample of each input. */
  readonly inputs: readonly (readonly number[])[];
  readonly threads: number;
  readonly strategy: string;
  readonly milliseconds: {
    readonly library: number;
    readonly load: number;
    /** The time of the first sample, including compilation. */
    readonly firstMap: number;
    readonly total: number;
  };
}

export interface Measurement {
  readonly call: Call;
  readonly batchSize: number;
  readonly runs: number;
  readonly millisecondsPerImage: { readonly minimum: number; readonly median: number };
  /** Calculated from the median. */
  readonly imagesPerSecond: number;
}

/** Prints the results of a benchmark, as a table for the user or as one JSON object per line for a program. */
export class BenchPrinter {
  readonly #terminal: Terminal;
  readonly #json: boolean;
  #begun = false;

  constructor(terminal: Terminal, json: boolean) {
    this.#terminal = terminal;
    this.#json = json;
  }

  async setup(setup: Setup): Promise<void> {
    const { out } = this.#terminal;
    if (this.#json) return writeJson(out, { type: 'setup', ...setup });
    const { tensorflow, method, inputs, threads, milliseconds } = setup;
    const { library, load, firstMap, total } = milliseconds;
    const shapes = inputs.map((shape) => shapeText(shape)).join(', ');
    await writeLine(out, `TensorFlow ${tensorflow}, ${threads} threads, samples ${shapes}, ${method}`);
    await writeLine(
      out,
      `First map after ${formatSeconds(total)}: TensorFlow ${formatSeconds(library)}, model ${formatSeconds(load)}, ` +
        `compiling and one sample ${formatSeconds(firstMap)}.\n`,
    );
  }

  async measurement(measurement: Measurement): Promise<void> {
    const { out } = this.#terminal;
    if (this.#json) return writeJson(out, { type: 'measurement', ...measurement });
    const { call, batchSize, runs, millisecondsPerImage, imagesPerSecond } = measurement;
    if (!this.#begun) {
      this.#begun = true;
      await writeLine(
        out,
        paint(out, 'bold', row('call', 'batch', 'images/s', 'ms median', 'ms least', 'runs')),
      );
    }
    const { minimum, median } = millisecondsPerImage;
    const numbers = [imagesPerSecond, median, minimum].map(formatNumber) as [string, string, string];
    return writeLine(out, row(call, String(batchSize), ...numbers, String(runs)));
  }

  async summary(peakMemoryBytes: number, interrupted: boolean): Promise<void> {
    const { out } = this.#terminal;
    if (this.#json) return writeJson(out, { type: 'summary', peakMemoryBytes, interrupted });
    await writeLine(
      out,
      '\nms are per image; calls take turns, each warmed up before; images/s by the median.',
    );
    await writeLine(out, `Peak memory of the process: ${formatBytes(peakMemoryBytes)}.`);
    if (interrupted) await writeLine(out, 'The run was interrupted.');
  }
}

function row(call: string, ...cells: readonly [string, string, string, string, string]): string {
  return call.padEnd(9) + cells.map((cell, i) => cell.padStart(i === 0 ? 6 : 11)).join('');
}

function formatSeconds(milliseconds: number): string {
  return `${formatNumber(milliseconds / 1000)} s`;
}

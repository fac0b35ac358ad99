import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Where a command writes: results to `out`, progress and errors to `err`, as pipes expect. */
export interface Terminal {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
}

/** Colours `text` where `stream` is a terminal and neither `NO_COLOR` nor `TERM=dumb` forbids it. */
export function paint(stream: NodeJS.WriteStream, format: Format, text: string): string {
  return stream.isTTY === true && stream.hasColors()
    ? styleText(format, text, { validateStream: false })
    : text;
}

/**
 * Waits until a stream has taken a line. A reader that goes away (`| head`) ends the output, not the work:
 * `main.ts` leaves `EPIPE` to this.
 */
export function writeLine(stream: NodeJS.WriteStream, line = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(`${line}\n`, (error) => {
      if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') reject(error);
      else resolve();
    });
  });
}

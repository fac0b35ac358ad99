import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Where a command writes: results to `out`, progress and errors to `err`, as pipes expect. */
export interface Terminal {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
}

/**
 * Colours `text` where `stream` is a terminal that shows colours and neither `NO_COLOR` nor `TERM=dumb` forbids it;
 * where `FORCE_COLOR` is set, as that says, terminal or not.
 */
export function paint(stream: NodeJS.WriteStream, format: Format, text: string): string {
  return styleText(format, text, { stream });
}

/** Whether {@link paint} colours what goes to `stream`. */
export function hasColours(stream: NodeJS.WriteStream): boolean {
  return paint(stream, 'bold', '') !== '';
}

/** Control characters, and those that turn the direction of text. */
const UNPRINTABLE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A name from a file, a file system or a model as part of one line: what would break the line or command the terminal
 * is shown as JSON has it, `\n` or `\u001b`.
 */
export function printable(name: string): string {
  return name.replace(UNPRINTABLE, (character) =>
    character < '\u0020'
      ? JSON.stringify(character).slice(1, -1)
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The same for text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
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

/** One object on a line of its own, as every command prints with `--json`. */
export function writeJson(stream: NodeJS.WriteStream, value: object): Promise<void> {
  return writeLine(stream, JSON.stringify(value));
}

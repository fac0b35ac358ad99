/** Bytes of a file that is open: the whole file, or a member of an archive that is stored as it is. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ModelError } from '../../support/errors.js';

/** Called before and after every read of a file, so that a watcher tells a slow disk from a loop. */
export interface ReadObserver {
  begin(): void;
  end(): void;
}

const NONE: ReadObserver = { begin: () => undefined, end: () => undefined };

/** An open file, which several ranges share. */
interface OpenFile {
  readonly fd: number;
  isOpen: boolean;
}

/** A range of bytes that can be read in any order, on a thread that may block. */
export class FileRange {
  readonly path: string;
  readonly size: number;
  readonly #file: OpenFile;
  readonly #start: number;
  readonly #observer: ReadObserver;

  private constructor(path: string, file: OpenFile, start: number, size: number, observer: ReadObserver) {
    this.path = path;
    this.size = size;
    this.#file = file;
    this.#start = start;
    this.#observer = observer;
  }

  /** Opens a regular file. Anything else is refused, because opening a pipe may block forever. */
  static open(path: string, observer: ReadObserver = NONE): FileRange {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = fstatSync(fd);
    if (!found.isFile()) {
      closeSync(fd);
      throw new ModelError('DATA_LOSS', `${path} is no regular file.`);
    }
    return new FileRange(path, { fd, isOpen: true }, 0, found.size, observer);
  }

  get fd(): number {
    return this.#file.fd;
  }

  /** Returns the range of `size` bytes from `start` on, over the same open file. */
  within(start: number, size: number, path = this.path): FileRange {
    if (start < 0 || size < 0 || start + size > this.size) {
      throw new ModelError(
        'DATA_LOSS',
        `${path} is truncated: expected ${size} bytes from ${start} on but ${this.path} has ${this.size} bytes.`,
      );
    }
    return new FileRange(path, this.#file, this.#start + start, size, this.#observer);
  }

  /**
   * Reads up to `length` bytes from `position` on into `target` at `offset`. Returns the number of bytes: fewer at the
   * end.
   */
  read(target: NodeJS.ArrayBufferView, offset: number, length: number, position: number): number {
    const most = Math.min(length, this.size - position);
    let done = 0;
    while (done < most) {
      this.#observer.begin();
      const count = readSync(
        this.#file.fd,
        target,
        offset + done,
        most - done,
        this.#start + position + done,
      );
      this.#observer.end();
      // The file has become shorter since it was opened.
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  /** Returns all bytes. The caller has checked the size. */
  all(): Buffer {
    const bytes = Buffer.allocUnsafe(this.size);
    if (this.read(bytes, 0, this.size, 0) !== this.size) {
      throw new ModelError('DATA_LOSS', `${this.path} has become shorter while it was read.`);
    }
    return bytes;
  }

  /** Closes the file, also for all other ranges of the file. Idempotent. */
  close(): void {
    if (this.#file.isOpen) closeSync(this.#file.fd);
    this.#file.isOpen = false;
  }
}

/** How long work may hold the event loop at a stretch. */
const SLICE_MILLISECONDS = 0.5;

/** Divides long work on the JavaScript thread into slices, so that timers and I/O get their turn between them. */
export class Pace {
  #begun = performance.now();

  /** Has this slice lasted long enough? Ask every few hundredths of a millisecond. */
  get due(): boolean {
    return performance.now() - this.#begun > SLICE_MILLISECONDS;
  }

  /** Waits for the next macrotask, where a new slice begins. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#begun = performance.now();
  }
}

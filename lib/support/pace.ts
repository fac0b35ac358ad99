/** How long work may hold the event loop at a stretch. */
const SLICE_MILLISECONDS = 0.5;

/** When the slice of this turn of the event loop began; null before anything in it was paced. */
let begun: number | null = null;

/** All that is paced within one turn of the event loop shares one slice: several copies at once are one long one. */
function sliceBegun(): number {
  if (begun === null) {
    begun = performance.now();
    setImmediate(() => {
      begun = null;
    });
  }
  return begun;
}

/** Divides long work on the JavaScript thread into slices, so that timers and I/O get their turn between them. */
export class Pace {
  constructor() {
    sliceBegun();
  }

  /** Has this slice lasted long enough? Ask every few hundredths of a millisecond. */
  get due(): boolean {
    return performance.now() - sliceBegun() > SLICE_MILLISECONDS;
  }

  /** Waits for the next turn of the event loop, where a new slice begins. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** How long work may hold the event loop without a pause. */
const SLICE_MILLISECONDS = 0.5;

/** When the slice of this turn of the event loop began. Null until the first paced work of the turn. */
let begun: number | null = null;

/** All paced work within one turn of the event loop shares one slice. Several copies then hold the loop no longer. */
function sliceBegun(): number {
  if (begun === null) {
    begun = performance.now();
    setImmediate(() => {
      begun = null;
    });
  }
  return begun;
}

/** Divides long work on the JavaScript thread into slices. Timers and I/O run between two slices. */
export class Pace {
  constructor() {
    sliceBegun();
  }

  /** Whether the slice is used up. The work asks every few hundredths of a millisecond. */
  get due(): boolean {
    return performance.now() - sliceBegun() > SLICE_MILLISECONDS;
  }

  /** Waits for the next turn of the event loop. A new slice begins there. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

import { untilAborted } from '../support/signal.js';

/** Limits the number of steps that are being read or wait to be run. A slow run thereby slows its source down. */
export class ReadBudget {
  /** Called when budget is returned. */
  onGiven: (() => void) | undefined;
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(steps: number) {
    this.#free = steps;
  }

  /** Takes the budget of one step if any is left. Returns whether it was taken. */
  tryTake(): boolean {
    if (this.#free < 1) return false;
    this.#free -= 1;
    return true;
  }

  /** Settles when budget may be left. */
  async freed(signal: AbortSignal): Promise<void> {
    if (this.#free >= 1) return;
    let wake: () => void = () => undefined;
    const given = new Promise<void>((resolve) => {
      wake = resolve;
      this.#waiting.add(wake);
    });
    try {
      await untilAborted(given, signal);
    } finally {
      this.#waiting.delete(wake);
    }
  }

  /** Waits until budget is left, then takes the budget of one step. */
  async take(signal: AbortSignal): Promise<void> {
    while (!this.tryTake()) await this.freed(signal);
  }

  /** Returns the budget of `steps` steps that the run has taken. */
  give(steps: number): void {
    this.#free += steps;
    for (const wake of this.#waiting) wake();
    this.onGiven?.();
  }
}

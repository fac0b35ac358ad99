import { untilAborted } from '../support/signal.js';

/** How many steps may be read, or be waiting to be run: what makes a slow run slow its source. */
export class ReadBudget {
  /** Called whenever there is more budget. */
  onGiven: (() => void) | undefined;
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(steps: number) {
    this.#free = steps;
  }

  /** Takes the budget of one step, where some is left. */
  tryTake(): boolean {
    if (this.#free < 1) return false;
    this.#free -= 1;
    return true;
  }

  /** Settles when there may be budget. */
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

  /** Takes the budget of one step, as soon as some is left. */
  async take(signal: AbortSignal): Promise<void> {
    while (!this.tryTake()) await this.freed(signal);
  }

  /** The run has taken so many steps. */
  give(steps: number): void {
    this.#free += steps;
    for (const wake of this.#waiting) wake();
    this.onGiven?.();
  }
}

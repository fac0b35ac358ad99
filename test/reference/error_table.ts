/** The largest errors that were met, by method and network, printed at the end. */
export class ErrorTable {
  private readonly errors: Record<string, Record<string, number>> = {};

  constructor(private readonly title: string) {}

  /** Keeps the largest error of a method on a network; returns `error`. */
  note(method: string, network: string, error: number): number {
    this.errors[method] ??= {};
    const row = this.errors[method];
    // A NaN stays: it is the worst.
    row[network] = Math.max(error, row[network] ?? 0);
    return error;
  }

  print(): void {
    console.log(`${this.title}: largest error as a share of a map's range`);
    const rows = Object.entries(this.errors).map(([method, row]) => [
      method,
      Object.fromEntries(Object.entries(row).map(([network, error]) => [network, error.toExponential(1)])),
    ]);
    console.table(Object.fromEntries(rows));
  }
}

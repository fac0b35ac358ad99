/** What was measured, a row for each network or method, printed at the end; errors are the largest met. */
export class ErrorTable {
  private readonly rows = new Map<string, Map<string, number | string>>();

  constructor(private readonly title: string) {}

  /** Keeps the largest error of a cell; returns `error`. */
  note(row: string, column: string, error: number): number {
    const cells = this.cells(row);
    // A NaN stays: it is the worst.
    cells.set(column, Math.max(error, (cells.get(column) as number | undefined) ?? 0));
    return error;
  }

  /** Sets a cell that is no error, as text. */
  set(row: string, column: string, value: number): void {
    this.cells(row).set(column, String(Math.round(value)));
  }

  print(): void {
    const shown = (value: number | string) => (typeof value === 'number' ? value.toExponential(1) : value);
    console.log(`${this.title}: largest error as a share of a map's range`);
    console.table(
      Object.fromEntries(
        [...this.rows].map(([row, cells]) => [
          row,
          Object.fromEntries([...cells].map(([column, value]) => [column, shown(value)])),
        ]),
      ),
    );
  }

  private cells(row: string): Map<string, number | string> {
    const cells = this.rows.get(row) ?? new Map<string, number | string>();
    this.rows.set(row, cells);
    return cells;
  }
}

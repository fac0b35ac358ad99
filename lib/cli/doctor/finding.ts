import { paint, printable, type Terminal, writeLine } from '../shared/terminal.js';

/** 'error': nothing works without it. 'warning': some feature does not work, or not as well. */
export type Status = 'ok' | 'warning' | 'error';

/** The result of a check of one thing that the package needs or uses. */
export interface Finding {
  /** A stable word for programs: 'node', 'addon', 'tensorflow', ... */
  readonly check: string;
  readonly status: Status;
  /** A summary for the user, in one line. */
  readonly found: string;
  /** Details, one per line. */
  readonly details?: readonly string[];
  /** The fix for the problem. */
  readonly mend?: string;
  /** The same facts for programs. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

const SIGNS: Readonly<Record<Status, { sign: string; format: Parameters<typeof paint>[1] }>> = {
  ok: { sign: '✔', format: 'green' },
  warning: { sign: '!', format: 'yellow' },
  error: { sign: '✖', format: 'red' },
};

export async function printFinding(
  { out }: Terminal,
  { check, status, found, details = [], mend }: Finding,
): Promise<void> {
  const { sign, format } = SIGNS[status];
  await writeLine(out, `${paint(out, format, sign)} ${paint(out, 'bold', check)}: ${printable(found)}`);
  for (const line of details) await writeLine(out, `    ${printable(line)}`);
  if (mend !== undefined) await writeLine(out, `    ${paint(out, 'bold', 'to fix it:')} ${mend}`);
}

/** Measurements as a table for people. */

/** @typedef {{ unit: string, better: 'higher' | 'lower' }} Metric */

/** The best and the median of some measurements; the best is what the machine does when nothing disturbs it. */
export function summary(values, better) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { best: better === 'higher' ? sorted.at(-1) : sorted[0], median };
}

/** Three digits that count, and no more. */
function figure(value) {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 4));
}

export function table(results) {
  const lines = ['| what | figure | best | median |', '|---|---|---|---|'];
  for (const { title, metrics, measured } of results) {
    let what = title;
    for (const [name, { unit, better }] of Object.entries(metrics)) {
      const { best, median } = summary(
        measured.map((values) => values[name]),
        better,
      );
      lines.push(
        `| ${what} | ${name}${unit === '' ? '' : `, ${unit}`} | ${figure(best)} | ${figure(median)} |`,
      );
      what = '';
    }
  }
  return lines.join('\n');
}

export function page({ machine, date, rounds, results }) {
  return `# Benchmarks

Written by \`npm run bench\` (bench/main.mjs) on ${date.slice(0, 10)}: ${rounds} interleaved rounds, the best and the median of
each figure. Times on shared machines vary up to twofold: compare rows of one run, not runs.

${table(results)}

The machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memory} of memory; Node ${machine.node}, TensorFlow ${machine.tensorflow}, ${machine.system}.
CPU flags that matter to TensorFlow: ${machine.flags.join(', ') || 'unknown'}.
`;
}

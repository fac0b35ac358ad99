/** Rows and measurements as text for people. */

/**
 * A figure: measured in every round, or the `ratio` of two that are.
 *
 * @typedef {{ unit: string, better: 'higher' | 'lower', ratio?: readonly [string, string],
 *   target?: { atLeast: number } | { atMost: number } }} Metric
 */

/** The names and titles of `rows`, a line each, the titles below each other. */
export function listing(rows) {
  const width = Math.max(...rows.map(({ name }) => name.length)) + 2;
  return rows.map(({ name, title }) => `${name.padEnd(width)}${title}`).join('\n');
}

/** The best and the median of some measurements; the best is what the machine does when nothing disturbs it. */
export function summary(values, better) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { best: better === 'higher' ? sorted.at(-1) : sorted[0], median };
}

/** Best and median of the figure `name`; of a ratio, those of the two best and of the two medians. */
export function summarise(name, metrics, measured) {
  const { better, ratio } = metrics[name];
  if (ratio === undefined) {
    return summary(
      measured.map((values) => values[name]),
      better,
    );
  }
  const [above, below] = ratio.map((each) => summarise(each, metrics, measured));
  return { best: above.best / below.best, median: above.median / below.median };
}

/** Three digits that count, and no more. */
function figure(value) {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 4));
}

function shownTarget(target, { best, median }) {
  if (target === undefined) return '';
  const { atLeast, atMost } = target;
  const reached = (value) => (atLeast === undefined ? value <= atMost : value >= atLeast);
  const met = reached(median) ? 'met' : reached(best) ? 'met by the best' : 'missed';
  return `${atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`}: ${met}`;
}

export function table(results) {
  const lines = ['| what | figure | best | median | target |', '|---|---|---|---|---|'];
  for (const { title, metrics, measured } of results) {
    let what = title;
    for (const [name, { unit, target }] of Object.entries(metrics)) {
      const found = summarise(name, metrics, measured);
      const cells = [
        what,
        `${name}${unit === '' ? '' : `, ${unit}`}`,
        figure(found.best),
        figure(found.median),
        shownTarget(target, found),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
      what = '';
    }
  }
  return lines.join('\n');
}

export function page({ machine, date, rounds, results, left }) {
  return `# Benchmarks

Written by \`npm run bench\` (bench/main.mjs) on ${date.slice(0, 10)}: ${rounds} interleaved rounds, the best and
the median of each figure; of a ratio, those of the two bests and of the two medians, and whether the medians' meets
its target. Times on shared machines vary up to twofold: compare rows of one run, not runs.

${table(results)}
${left.map(({ title, missing }) => `\nLeft out: ${title}: ${missing.split('\n')[0]}.\n`).join('')}
The machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memory} of memory;
Node ${machine.node}, TensorFlow ${machine.tensorflow}, ${machine.system}.
CPU flags that matter to TensorFlow: ${machine.flags.join(', ') || 'unknown'}.
`;
}

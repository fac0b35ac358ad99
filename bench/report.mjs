/** Formats rows and measurements as text. */

/**
 * A figure: measured in every round, or the `ratio` of two measured figures.
 *
 * @typedef {{ unit: string, better: 'higher' | 'lower', ratio?: readonly [string, string],
 *   target?: { atLeast: number } | { atMost: number } }} Metric
 */

/** Returns one line per row with its name and title, in two columns. */
export function listing(rows) {
  const width = Math.max(...rows.map(({ name }) => name.length)) + 2;
  return rows.map(({ name, title }) => `${name.padEnd(width)}${title}`).join('\n');
}

/** Returns the best and the median of some measurements. The best measurement is the least disturbed by other work. */
export function summary(values, better) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { best: better === 'higher' ? sorted.at(-1) : sorted[0], median };
}

/** Returns the best and the median of the figure `name`. For a ratio: the ratio of the bests, and of the medians. */
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

/** Returns `value` with three significant digits. */
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

\`npm run bench\` (bench/main.mjs) wrote this page on ${date.slice(0, 10)}, after ${rounds} interleaved rounds. The table
has the best and the median of each figure. The best of a ratio is the ratio of the two bests, and its median is the
ratio of the two medians. The last column says whether the median meets the target. Times on shared machines vary up to
twofold: compare rows of one run, not different runs.

${table(results)}
${left.map(({ title, missing }) => `\nSkipped: ${title}: ${missing.split('\n')[0]}.\n`).join('')}
The machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memory} of memory;
Node ${machine.node}, TensorFlow ${machine.tensorflow}, ${machine.system}.
CPU flags that TensorFlow uses: ${machine.flags.join(', ') || 'unknown'}.
`;
}

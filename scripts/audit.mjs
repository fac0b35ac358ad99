/**
 * Runs `npm audit` over every lock file of the project: the packages that users install and the packages for
 * development. Many mirrors of the registry do not answer audit requests. A missing answer is printed and is not a
 * failure.
 *
 * Usage: node scripts/audit.mjs
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { main, ROOT } from './setup/process.mjs';
import { closingLines, RESULTS } from './setup/results.mjs';

/** Returns the advisories for the lock file in `folder`, or the reason why there is no answer. */
function audit(folder) {
  const options = { cwd: path.join(ROOT, folder), encoding: 'utf8' };
  const { stdout, stderr } = spawnSync('npm', ['audit', '--json', '--package-lock-only'], options);
  try {
    const report = JSON.parse(stdout);
    if (report.vulnerabilities !== undefined) return { vulnerabilities: report.vulnerabilities };
    return { unanswered: report.message ?? report.error?.summary ?? stdout };
  } catch {
    return { unanswered: stderr || 'npm printed no answer' };
  }
}

main(async () => {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const folder of ['.', 'bench/peers/onnx']) {
    const { vulnerabilities = {}, unanswered } = audit(folder);
    const found = Object.values(vulnerabilities);
    counts[unanswered ? 'skipped' : found.length > 0 ? 'failed' : 'passed'] += 1;
    console.log(
      `${folder}: ${unanswered ? `no answer: ${unanswered.trim()}` : `${found.length} vulnerable`}`,
    );
    for (const { name, severity, range } of found) console.log(`  ${name} ${range}: ${severity}`);
  }
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(path.join(RESULTS, 'audit.json'), JSON.stringify(counts));
  console.log(closingLines(counts));
  return counts.failed;
});

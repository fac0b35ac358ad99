/**
 * Lints TypeScript and JavaScript with Biome, comments and docs with lint-prose.mjs, and C++ with clang-tidy.
 * clang-tidy skips sources that have not changed since they were found clean.
 *
 * Usage: node scripts/lint.mjs
 */
import { lintProse } from './lint-prose.mjs';
import { main, packageBin, runStatus, step } from './setup/process.mjs';
import { tidy } from './setup/tidy.mjs';
import { setup } from './setup.mjs';

main(async () => {
  await setup();
  step('Biome');
  const [node, biome] = packageBin('@biomejs/biome', 'biome');
  const typescript = await runStatus(node, [biome, 'lint', '--error-on-warnings', '.']);
  step('Prose');
  const prose = lintProse();
  step('clang-tidy');
  const native = await tidy();
  return typescript !== 0 || prose > 0 || native > 0 ? 1 : 0;
});

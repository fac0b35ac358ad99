/**
 * `npm run check`: the checks before each commit, in under a minute and without the addon. The steps are formatting,
 * Biome's lint, the lint of prose, types and unit tests. As many steps run at once as there are cores, the longest step
 * first. A failed step prints its output. clang-tidy is part of `npm run lint`.
 *
 * Usage: node scripts/check.mjs
 */
import { nativeFiles, nativeTools } from './setup/native-tools.mjs';
import { inParallel } from './setup/parallel.mjs';
import { main, packageBin, runStatus } from './setup/process.mjs';

main(async () => {
  const clang = await nativeTools();
  const steps = {
    'unit tests': [...packageBin('vitest'), 'run', '--project', 'unit', '--reporter=dot'],
    types: [...packageBin('typescript', 'tsc'), '-p', 'test/tsconfig.json'],
    'clang-format': [clang('clang-format'), '--dry-run', '-Werror', ...nativeFiles()],
    'Biome (format, imports, lint)': [
      ...packageBin('@biomejs/biome', 'biome'),
      'check',
      '--error-on-warnings',
      '.',
    ],
    prose: [process.execPath, 'scripts/lint-prose.mjs'],
  };
  const jobs = Object.entries(steps).map(([name, [program, ...args]]) => async () => {
    const begin = performance.now();
    const code = await runStatus(program, args, { quiet: true });
    console.log(
      `${code === 0 ? 'ok    ' : 'FAILED'} ${name}, ${((performance.now() - begin) / 1000).toFixed(1)} s`,
    );
    return code;
  });
  return (await inParallel(jobs)).some((code) => code !== 0) ? 1 : 0;
});

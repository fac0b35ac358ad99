/**
 * Lints TypeScript and JavaScript with Biome and the C++ sources with clang-tidy, two files at a time.
 *
 * Usage: node scripts/lint.mjs
 */
import os from 'node:os';
import path from 'node:path';
import { nativeFiles, nativeTools } from './setup/native-tools.mjs';
import { main, packageBin, ROOT, runStatus, step } from './setup/process.mjs';
import { setup } from './setup.mjs';

/** Runs clang-tidy over every source of the addon; the build leaves compile_commands.json. */
async function lintNative() {
  const tool = await nativeTools();
  const waiting = nativeFiles(['.cc']).filter((file) => file.startsWith(`native${path.sep}`));
  let failed = 0;
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const args = ['-p', path.join(ROOT, 'build', 'cmake'), '--quiet', '--warnings-as-errors=*', file];
      if ((await runStatus(tool('clang-tidy'), args, { quiet: true })) !== 0) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
  return failed;
}

main(async () => {
  await setup();
  step('Biome');
  const [node, biome] = packageBin('@biomejs/biome', 'biome');
  const typescript = await runStatus(node, [biome, 'lint', '--error-on-warnings', '.']);
  step('clang-tidy');
  const native = await lintNative();
  return typescript || (native > 0 ? 1 : 0);
});

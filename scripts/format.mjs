/**
 * Formats TypeScript, JavaScript and JSON with Biome and C++ with clang-format; with --check it only tells.
 *
 * Usage: node scripts/format.mjs [--check]
 */
import { nativeFiles, nativeTools } from './setup/native-tools.mjs';
import { main, packageBin, runStatus } from './setup/process.mjs';

main(async () => {
  const check = process.argv.includes('--check');
  const [node, biome] = packageBin('@biomejs/biome', 'biome');
  const tool = await nativeTools();
  const typescript = await runStatus(node, [biome, 'format', ...(check ? [] : ['--write']), '.']);
  const native = await runStatus(tool('clang-format'), [
    ...(check ? ['--dry-run', '-Werror'] : ['-i']),
    ...nativeFiles(),
  ]);
  return typescript || native;
});

/**
 * Formats TypeScript, JavaScript and JSON with Biome, which also sorts the imports, and C++ with clang-format. With
 * --check, only reports files that are not formatted.
 *
 * Usage: node scripts/format.mjs [--check]
 */
import { nativeFiles, nativeTools } from './setup/native-tools.mjs';
import { main, packageBin, runStatus } from './setup/process.mjs';

main(async () => {
  const check = process.argv.includes('--check');
  const [node, biome] = packageBin('@biomejs/biome', 'biome');
  const write = check ? [] : ['--write'];
  const typescript = await runStatus(node, [biome, 'check', '--linter-enabled=false', ...write, '.']);
  const tool = await nativeTools();
  const mode = check ? ['--dry-run', '-Werror'] : ['-i'];
  const native = await runStatus(tool('clang-format'), [...mode, ...nativeFiles()]);
  return typescript || native;
});

/**
 * Runs clang-tidy over the addon's sources. A source that was found clean is skipped until one of these changes: its
 * text, the project's headers that it includes, its compile command, .clang-tidy, the packages, or the tool.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { nativeFiles, nativeTools, TOOLS } from './native-tools.mjs';
import { inParallel } from './parallel.mjs';
import { ROOT, runStatus } from './process.mjs';

/** The compile commands of the build, and the folder that holds the commands for clang-tidy. */
const BUILD = path.join('build', 'cmake');
const DATABASE = path.join('build', 'tidy', 'commands');
const CLEAN = path.join(ROOT, 'build', 'tidy');

const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');

/**
 * Returns `file` and all files that it includes as "room/file.h", directly or indirectly. `read` returns a file's text.
 */
export function withIncludes(file, { read, exists }) {
  const found = new Set([file]);
  for (const each of found) {
    for (const [, name] of read(each).matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) {
      const places = [`native/${name}`, path.posix.join(path.posix.dirname(each), name)];
      const place = places.find(exists);
      if (place !== undefined) found.add(place);
    }
  }
  return [...found].sort();
}

/**
 * Writes the compile commands for clang-tidy, and returns the command of each source by path. The commands have no
 * precompiled headers: clang-tidy cannot read those of another compiler.
 */
function compileCommands() {
  const entries = JSON.parse(read(path.join(BUILD, 'compile_commands.json')));
  for (const entry of entries) entry.command = withoutPrecompiledHeader(entry.command);
  mkdirSync(path.join(ROOT, DATABASE), { recursive: true });
  writeFileSync(path.join(ROOT, DATABASE, 'compile_commands.json'), JSON.stringify(entries));
  return new Map(entries.map(({ file, command }) => [path.relative(ROOT, file), command]));
}

/** Returns the compile command without the header that CMake includes first. */
export function withoutPrecompiledHeader(command) {
  return command.replace(
    / (?:-Winvalid-pch |-Xclang )*(?:-include(?:-pch)?) (?:-Xclang )?\S*cmake_pch\S*/g,
    '',
  );
}

/** The addon's sources. */
const ownSources = () => nativeFiles(['.cc']).filter((file) => file.startsWith(`native${path.sep}`));

/** Runs clang-tidy over the `files` that are not known to be clean. Returns the number of files with findings. */
export async function tidy(files = ownSources()) {
  const tool = await nativeTools();
  const commands = compileCommands();
  const settings = ['.clang-tidy', TOOLS, 'package-lock.json'].map(read).join('\n');
  const exists = (file) => existsSync(path.join(ROOT, file));
  mkdirSync(CLEAN, { recursive: true });
  const jobs = files.map((file) => async () => {
    const hash = createHash('sha256').update(`${settings}\n${commands.get(file)}\n`);
    for (const part of withIncludes(file, { read, exists })) hash.update(`${part}\n${read(part)}\n`);
    const stamp = path.join(CLEAN, hash.digest('hex'));
    if (existsSync(stamp)) return 0;
    const args = ['-p', path.join(ROOT, DATABASE), '--quiet', '--warnings-as-errors=*', file];
    if ((await runStatus(tool('clang-tidy'), args, { quiet: true })) !== 0) return 1;
    writeFileSync(stamp, file);
    return 0;
  });
  return (await inParallel(jobs)).reduce((sum, failed) => sum + failed, 0);
}

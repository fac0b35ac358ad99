/** A build with clang's source-based coverage: compiler, options, environment, and the coverage from its profiles. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { capture, Failure, ROOT, run } from './process.mjs';

export class Instrumented {
  constructor(build) {
    this.title = 'for coverage';
    this.build = path.join(ROOT, build);
    this.profiles = path.join(this.build, 'profiles');
    if (capture('clang++', ['--version']) === undefined)
      throw new Failure('clang++ and llvm-cov are needed: apt-get install clang llvm');
  }

  get definitions() {
    return [
      '-DKE_COVERAGE=ON',
      '-DCMAKE_CXX_COMPILER=clang++',
      '-DCMAKE_BUILD_TYPE=Release',
      '-DCMAKE_CXX_FLAGS_RELEASE=-O1',
    ];
  }

  /** %c writes the counters to the file continuously. %p gives each process its own file. */
  environment() {
    return { LLVM_PROFILE_FILE: path.join(this.profiles, '%c%p.profraw') };
  }

  /** Deletes the profiles of former runs. */
  clear() {
    rmSync(this.profiles, { recursive: true, force: true });
    mkdirSync(this.profiles, { recursive: true });
  }

  /**
   * Returns the covered lines of the sources of `programs`, which are files of the build: `[{ file, covered, total }]`.
   * Writes pages that show each line to the folder `native` of the build.
   */
  async lines(programs) {
    const data = path.join(this.build, 'all.profdata');
    const inputs = readdirSync(this.profiles).map((name) => path.join(this.profiles, name));
    const list = path.join(this.build, 'profiles.txt');
    writeFileSync(list, inputs.join('\n'));
    // `-failure-mode=all` accepts unreadable files, which a process leaves if it is killed while creating its file.
    const merge = ['merge', '-sparse', '-failure-mode=all', `-input-files=${list}`, '-o', data];
    await run(llvm('llvm-profdata'), merge, { quiet: true });
    const [first, ...others] = programs.map((name) => path.join(this.build, name));
    const objects = others.flatMap((file) => ['-object', file]);
    const what = [`-instr-profile=${data}`, first, ...objects];
    const pages = ['show', '-format=html', `-output-dir=${path.join(this.build, 'native')}`, ...what];
    await run(llvm('llvm-cov'), [...pages, path.join(ROOT, 'native')], { quiet: true });
    const args = ['export', '-summary-only', ...what];
    const { status, stdout, stderr } = spawnSync(llvm('llvm-cov'), args, {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Failure(`llvm-cov failed: ${stderr}`);
    return JSON.parse(stdout).data[0].files.map(({ filename, summary: { lines } }) => ({
      file: path.relative(ROOT, filename),
      covered: lines.covered,
      total: lines.count,
    }));
  }
}

/** Returns the LLVM tool of clang's version, because the format of profiles changes between versions. */
function llvm(name) {
  const file = capture('clang++', [`-print-prog-name=${name}`]);
  if (file === undefined || !path.isAbsolute(file))
    throw new Failure(`${name} is needed: apt-get install llvm`);
  return file;
}

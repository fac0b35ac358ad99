/** Libraries with libtensorflow's names that a C compiler makes: of any version, and with any fault. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Stub {
  /** What TF_Version returns, as C; without it there is no such function. */
  readonly version?: string;
  /** C statements that are run as it is loaded. */
  readonly onLoad?: string;
}

/**
 * Makes both libraries in `directory`, and returns the main one's path. Any function but TF_Version ends the process.
 */
export function makeStub(directory: string, { version, onLoad = '' }: Stub = {}): string {
  mkdirSync(directory, { recursive: true });
  const compile = (name: string, source: string, ...options: string[]) => {
    const file = join(directory, name);
    writeFileSync(`${file}.c`, `#include <signal.h>\n#include <stdlib.h>\n${source}\n`);
    execFileSync('cc', [
      '-shared',
      '-fPIC',
      '-Wl,-z,nodelete',
      `-Wl,-soname,${name}`,
      '-o',
      file,
      `${file}.c`,
      ...options,
    ]);
    return file;
  };
  const framework = compile('libtensorflow_framework.so.2', 'void *TF_NewStatus(void) { abort(); }');
  const tellVersion = version === undefined ? '' : `const char *TF_Version(void) { return ${version}; }`;
  return compile(
    'libtensorflow_cc.so.2',
    `${tellVersion}\nvoid *TF_NewGraph(void) { abort(); }\n` +
      `__attribute__((constructor)) static void loaded(void) { ${onLoad} }`,
    ...['-Wl,--no-as-needed', framework, '-Wl,-rpath,$ORIGIN'],
  );
}

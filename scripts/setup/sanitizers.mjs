/**
 * Builds with sanitizers: compiler, options and environment of each. TensorFlow is not built with them, so that what it
 * does in memory is not seen; all that is ours is.
 */
import path from 'node:path';
import { capture, Failure, ROOT } from './process.mjs';

const SUPPRESSIONS = path.join(ROOT, 'test', 'native', 'sanitizers');

/** By the first sanitizer of a build: others (undefined) go with it. */
const OPTIONS = {
  address: {
    ASAN_OPTIONS: [
      'detect_leaks=1',
      'detect_stack_use_after_return=1',
      'strict_string_checks=1',
      'check_initialization_order=1',
      'strict_init_order=1',
      'detect_invalid_pointer_pairs=2',
      'alloc_dealloc_mismatch=1',
      'malloc_context_size=40',
      // TensorFlow asks for more than there is, and is told so: a null pointer, as without ASan.
      'allocator_may_return_null=1',
    ],
    LSAN_OPTIONS: [`suppressions=${path.join(SUPPRESSIONS, 'leaks.supp')}`, 'print_suppressions=0'],
    UBSAN_OPTIONS: ['print_stacktrace=1', 'halt_on_error=1'],
  },
  thread: {
    TSAN_OPTIONS: [
      `suppressions=${path.join(SUPPRESSIONS, 'threads.supp')}`,
      // What TensorFlow copies by memcpy is ordered by its own atomics, which TSan does not see.
      'ignore_noninstrumented_modules=1',
      'second_deadlock_stack=1',
      'history_size=7',
      'allocator_may_return_null=1',
      'print_suppressions=0',
    ],
  },
};

/** What `--sanitize NAMES` means. Throws a Failure where it means nothing. */
export class Sanitizers {
  constructor(names) {
    const all = names.split(',');
    this.names = names;
    this.title = `with ${names} sanitizers`;
    this.main = all[0];
    if (OPTIONS[this.main] === undefined || all.slice(1).some((name) => name !== 'undefined'))
      throw new Failure(`--sanitize is one of: address, address,undefined, thread. Received ${names}`);
    this.build = path.join(ROOT, 'build', `sanitize-${this.main}`);
    // Of both compilers clang is better at it: its stacks have lines without a debugger's help.
    this.compiler = ['clang++', 'g++'].find((name) => capture(name, ['--version']) !== undefined);
    if (this.compiler === undefined) throw new Failure('clang++ or g++ is needed: apt-get install clang');
  }

  /** For CMake. -O1: stacks say what was called. */
  get definitions() {
    return [
      `-DKE_SANITIZE=${this.names}`,
      `-DCMAKE_CXX_COMPILER=${this.compiler}`,
      '-DCMAKE_BUILD_TYPE=Release',
      '-DCMAKE_CXX_FLAGS_RELEASE=-O1',
    ];
  }

  /**
   * What a program is run in; what the caller's own environment says of them comes last, and counts. With `reports`,
   * what is found goes to files whose names begin so, one for each process, and no process ends with an error for it.
   */
  environment(reports) {
    const files = reports === undefined ? [] : [`log_path=${reports}`, 'exitcode=0'];
    const options = Object.entries(OPTIONS[this.main]).map(([name, values]) => [
      name,
      [...values, ...files, process.env[name]].filter(Boolean).join(':'),
    ]);
    return Object.fromEntries(options);
  }

  /** AddressSanitizer's library, to be loaded first into a program that was not built with it. */
  get runtime() {
    const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];
    const name = this.compiler === 'g++' ? 'libasan.so' : `libclang_rt.asan-${machine}.so`;
    const file = capture(this.compiler, [`-print-file-name=${name}`]);
    if (file === undefined || !path.isAbsolute(file))
      throw new Failure(`${this.compiler} has no ${name}: apt-get install clang`);
    return file;
  }
}

/**
 * Builds with sanitizers: the compiler, options and environment of each build. TensorFlow is not built with sanitizers,
 * so only errors in this project's code are detected.
 */
import path from 'node:path';
import { capture, Failure, ROOT } from './process.mjs';

const SUPPRESSIONS = path.join(ROOT, 'test', 'native', 'sanitizers');

/** The options by the first sanitizer of a build. UndefinedBehaviorSanitizer can be added to a build. */
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
      // TensorFlow attempts allocations that are too large and expects a null pointer, as without ASan.
      'allocator_may_return_null=1',
    ],
    LSAN_OPTIONS: [`suppressions=${path.join(SUPPRESSIONS, 'leaks.supp')}`, 'print_suppressions=0'],
    UBSAN_OPTIONS: ['print_stacktrace=1', 'halt_on_error=1'],
  },
  thread: {
    TSAN_OPTIONS: [
      `suppressions=${path.join(SUPPRESSIONS, 'threads.supp')}`,
      // TensorFlow's atomics order its memcpy calls, but TSan does not see these atomics.
      'ignore_noninstrumented_modules=1',
      'second_deadlock_stack=1',
      'history_size=7',
      'allocator_may_return_null=1',
      'print_suppressions=0',
    ],
  },
};

/** The build of `--sanitize NAMES`. The constructor throws a Failure for unknown names. */
export class Sanitizers {
  constructor(names) {
    const all = names.split(',');
    this.names = names;
    this.title = `with ${names} sanitizers`;
    this.main = all[0];
    if (OPTIONS[this.main] === undefined || all.slice(1).some((name) => name !== 'undefined'))
      throw new Failure(`--sanitize is one of: address, address,undefined, thread. Received ${names}`);
    this.build = path.join(ROOT, 'build', `sanitize-${this.main}`);
    // clang is preferred: its stacks have line numbers without a debugger.
    this.compiler = ['clang++', 'g++'].find((name) => capture(name, ['--version']) !== undefined);
    if (this.compiler === undefined) throw new Failure('clang++ or g++ is needed: apt-get install clang');
  }

  /** The definitions for CMake. -O1 keeps the calls in stacks. */
  get definitions() {
    return [
      `-DKE_SANITIZE=${this.names}`,
      `-DCMAKE_CXX_COMPILER=${this.compiler}`,
      '-DCMAKE_BUILD_TYPE=Release',
      '-DCMAKE_CXX_FLAGS_RELEASE=-O1',
    ];
  }

  /**
   * Returns the environment of a program. Options in the caller's environment come last and override these options.
   * With `reports`, findings are written to files with this prefix, one file per process, and do not change exit codes.
   */
  environment(reports) {
    const files = reports === undefined ? [] : [`log_path=${reports}`, 'exitcode=0'];
    const options = Object.entries(OPTIONS[this.main]).map(([name, values]) => [
      name,
      [...values, ...files, process.env[name]].filter(Boolean).join(':'),
    ]);
    return Object.fromEntries(options);
  }

  /** The path of AddressSanitizer's library, which must be preloaded into a program that was built without it. */
  get runtime() {
    const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];
    const name = this.compiler === 'g++' ? 'libasan.so' : `libclang_rt.asan-${machine}.so`;
    const file = capture(this.compiler, [`-print-file-name=${name}`]);
    if (file === undefined || !path.isAbsolute(file))
      throw new Failure(`${this.compiler} has no ${name}: apt-get install clang`);
    return file;
  }
}

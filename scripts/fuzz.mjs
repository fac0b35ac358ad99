/**
 * Fuzzes the readers of outside files (test/fuzz) with libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer.
 * If an input causes an error, the exit code is not 0 and the path of the input is printed.
 *
 * Usage: npm run fuzz -- [--seconds 120] [--target NAME]... [--corpus FOLDER] [--seed N] [--replay FILE]
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { writeSeeds } from './fuzz/seeds.mjs';
import { buildTarget } from './setup/cmake.mjs';
import { inParallel } from './setup/parallel.mjs';
import { capture, Failure, main, ROOT, runStatus, step } from './setup/process.mjs';
import { setup } from './setup.mjs';

const BUILD = path.join(ROOT, 'build', 'fuzz');
const PROGRAM = path.join(BUILD, 'ke_fuzz');
const LIBRARIES = [
  'libtensorflow_cc.so.2',
  'libtensorflow.so.2',
  'libtensorflow_cc.2.dylib',
  'libtensorflow.2.dylib',
];

/** The share of the time of each target. Larger and slower targets have larger shares. */
const TARGETS = {
  frozen_graph: 6,
  saved_model: 5,
  inline: 4,
  checkpoint: 2,
  keras_metadata: 2,
  worker_identity: 1,
};

/** libFuzzer's settings: the maximum length of an input, and the memory and time of a run that count as a find. */
const LIMITS = ['-max_len=60000', '-rss_limit_mb=4000', '-malloc_limit_mb=2000', '-timeout=60'];

/** Returns the name of a clang++. Throws a Failure if there is none. */
function findCompiler() {
  const names = [
    process.env.CLANGXX,
    'clang++',
    ...[22, 21, 20, 19, 18, 17, 16, 15, 14].map((v) => `clang++-${v}`),
  ];
  const found = names.find((name) => name && capture(name, ['--version']) !== undefined);
  if (found === undefined) {
    throw new Failure('Fuzzing needs clang++ with its runtimes: apt-get install clang llvm (or set CLANGXX)');
  }
  return found;
}

async function build() {
  step('Building the fuzzer');
  const options = {
    CMAKE_CXX_COMPILER: findCompiler(),
    CMAKE_CXX_FLAGS_RELEASE: '-O1 -DNDEBUG',
    KE_BUILD_ADDON: 'OFF',
    KE_BUILD_FUZZ: 'ON',
    KE_SANITIZE: 'address,undefined',
  };
  const settings = Object.entries(options).map(([name, value]) => `-D${name}=${value}`);
  await buildTarget(BUILD, 'ke_fuzz', settings);
}

function environment(directory) {
  const library = LIBRARIES.map((name) => path.join(directory, name)).find(existsSync);
  if (library === undefined) throw new Failure(`There is no libtensorflow in ${directory}`);
  const scratch = path.join(BUILD, 'scratch');
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  return {
    ...process.env,
    KE_FUZZ_TENSORFLOW: library,
    TF_CPP_MIN_LOG_LEVEL: '3',
    TMPDIR: scratch,
    // TensorFlow attempts allocations that are too large and handles a null pointer.
    ASAN_OPTIONS: 'allocator_may_return_null=1:detect_odr_violation=0:quarantine_size_mb=64',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
}

/** Runs one target for `seconds` seconds. Inputs that reach new code are kept in `corpus`. */
async function fuzz(target, seconds, { corpus, seeds, dictionary, env, seed }) {
  const learnt = path.join(corpus, target);
  const finds = path.join(BUILD, 'finds', target);
  for (const folder of [learnt, finds]) mkdirSync(folder, { recursive: true });
  const before = new Set(readdirSync(finds));
  step(`Fuzzing ${target} for ${seconds} s`);
  const flags = [
    `--target=${target}`,
    `-dict=${dictionary}`,
    `-max_total_time=${seconds}`,
    '-print_final_stats=1',
    ...(seed === undefined ? [] : [`-seed=${seed}`]),
  ];
  const folders = [learnt, path.join(seeds, target), path.join(ROOT, 'test', 'fuzz', 'regressions', target)];
  const args = [
    ...flags,
    ...LIMITS,
    '-verbosity=0',
    `-artifact_prefix=${finds}/`,
    ...folders.filter(existsSync),
  ];
  const code = await runStatus(PROGRAM, args, { env });
  if (code === 0) return [];
  const found = readdirSync(finds).filter((name) => !before.has(name));
  return found.length > 0
    ? found.map((name) => path.join(finds, name))
    : [`${target}: ended with code ${code}`];
}

main(async () => {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '120' },
      target: { type: 'string', multiple: true },
      corpus: { type: 'string', default: path.join(BUILD, 'corpus') },
      replay: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const targets = values.target ?? Object.keys(TARGETS);
  const unknown = targets.find((target) => TARGETS[target] === undefined);
  const seconds = Number(values.seconds);
  if (unknown !== undefined) {
    throw new Failure(`There is no target '${unknown}'. The targets are: ${Object.keys(TARGETS).join(', ')}`);
  }
  if (!(seconds > 0)) throw new Failure(`--seconds must be a number above 0. Received '${values.seconds}'`);
  if (values.seed !== undefined && !/^\d+$/.test(values.seed)) {
    throw new Failure(`--seed must be a whole number. Received '${values.seed}'`);
  }
  const directory = await setup({ addon: false });
  await build();
  const env = environment(directory);
  if (values.replay !== undefined) {
    if (targets.length !== 1)
      throw new Failure('--replay needs exactly one --target, the target of the file');
    return runStatus(PROGRAM, [`--target=${targets[0]}`, ...LIMITS, path.resolve(values.replay)], { env });
  }
  const seeds = path.join(BUILD, 'seeds');
  const dictionary = writeSeeds(seeds);
  const share = targets.reduce((sum, target) => sum + TARGETS[target], 0);
  const cores = Math.min(os.availableParallelism(), targets.length);
  const jobs = targets.map((target) => {
    const part = Math.max(1, Math.floor((seconds * cores * TARGETS[target]) / share));
    return () => fuzz(target, part, { corpus: values.corpus, seeds, dictionary, env, seed: values.seed });
  });
  const finds = (await inParallel(jobs)).flat();
  if (finds.length === 0) return 0;
  console.error(`Found:\n${finds.map((find) => `  ${path.relative(ROOT, find)}`).join('\n')}`);
  console.error('CONTRIBUTING.md describes how to examine a find and how to keep it as a regression test');
  return 1;
});

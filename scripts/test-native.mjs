/**
 * Builds the C++ tests (CMake, GoogleTest) and runs them over the libtensorflow that the package uses. They are built
 * beside the addon, in build/cmake, so that what both are made of is compiled once.
 * Further arguments go to the test program, as --gtest_filter=Tape.*.
 */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isMain, main, ROOT, run, runStatus, step } from './setup/process.mjs';
import { setup } from './setup.mjs';

/** Where the results are left for scripts/test.mjs, in GoogleTest's JSON. */
export const NATIVE_RESULTS = path.join(ROOT, 'build', 'test-results', 'native.json');

/** Builds and runs; returns the test program's exit code. `directory` holds libtensorflow. */
export async function testNative(directory, args = []) {
  const build = path.join(ROOT, 'build', 'cmake');
  const include = path.join(directory, 'include');
  step('Building the native tests');
  const headers = existsSync(include) ? include : '';
  await run('cmake', ['-B', build, '-DKE_BUILD_TESTS=ON', `-DKE_TENSORFLOW_INCLUDE=${headers}`], {
    quiet: true,
  });
  const jobs = String(os.availableParallelism());
  await run('cmake', ['--build', build, '--target', 'ke_native_tests', '--parallel', jobs], { quiet: true });
  step('Running the native tests');
  const env = { ...process.env, KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory, TF_CPP_MIN_LOG_LEVEL: '1' };
  return runStatus(path.join(build, 'ke_native_tests'), [`--gtest_output=json:${NATIVE_RESULTS}`, ...args], {
    env,
  });
}

if (isMain(import.meta.url)) {
  main(async () => testNative(await setup({ tests: true }), process.argv.slice(2)));
}

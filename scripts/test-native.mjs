/**
 * Builds the C++ tests (CMake, GoogleTest) and runs the tests with the package's libtensorflow. The build folder is the
 * addon's folder, build/cmake, so that shared sources are compiled once. Further arguments, such as
 * --gtest_filter=Tape.*, are passed to the test program.
 *
 * With `--sanitize address,undefined` or `--sanitize thread` as the first arguments, the tests run under sanitizers, in
 * build/sanitize-address or build/sanitize-thread.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildTarget } from './setup/cmake.mjs';
import { isMain, main, ROOT, runStatus, step } from './setup/process.mjs';
import { Sanitizers } from './setup/sanitizers.mjs';
import { setup } from './setup.mjs';

/** The file with the results for scripts/test.mjs, in GoogleTest's JSON. */
export const NATIVE_RESULTS = path.join(ROOT, 'build', 'test-results', 'native.json');

/**
 * Builds and runs the tests. Returns the test program's exit code. `directory` holds libtensorflow. `variant` is a
 * Sanitizers or Instrumented object for a separate build.
 */
export async function testNative(directory, args = [], variant = undefined) {
  const build = variant?.build ?? path.join(ROOT, 'build', 'cmake');
  const include = path.join(directory, 'include');
  step(`Building the native tests${variant === undefined ? '' : ` ${variant.title}`}`);
  const headers = existsSync(include) ? include : '';
  const definitions = ['-DKE_BUILD_TESTS=ON', `-DKE_TENSORFLOW_INCLUDE=${headers}`];
  await buildTarget(build, 'ke_native_tests', [...definitions, ...(variant?.definitions ?? [])]);
  step('Running the native tests');
  const env = {
    // These builds are ten times slower, so only a few random graphs are tested.
    ...(variant && { KE_GRAPHS: '0-9' }),
    ...process.env,
    KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory,
    TF_CPP_MIN_LOG_LEVEL: '1',
    ...variant?.environment(),
  };
  const results = variant === undefined ? NATIVE_RESULTS : path.join(build, 'results.json');
  return runStatus(path.join(build, 'ke_native_tests'), [`--gtest_output=json:${results}`, ...args], { env });
}

if (isMain(import.meta.url)) {
  main(async () => {
    const args = process.argv.slice(2);
    const sanitizers = args[0] === '--sanitize' ? new Sanitizers(args.splice(0, 2)[1] ?? '') : undefined;
    return testNative(await setup({ tests: true, addon: sanitizers === undefined }), args, sanitizers);
  });
}

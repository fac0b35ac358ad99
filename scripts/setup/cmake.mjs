/** Builds native targets with CMake. cmake-js (build-native.mjs) builds the addon itself. */
import os from 'node:os';
import { run } from './process.mjs';

/** Configures the folder `build` with `definitions`, such as -DKE_BUILD_TESTS=ON, and builds `target` in it. */
export async function buildTarget(build, target, definitions) {
  await run('cmake', ['-B', build, ...definitions], { quiet: true });
  const jobs = String(os.availableParallelism());
  await run('cmake', ['--build', build, '--target', target, '--parallel', jobs], { quiet: true });
}

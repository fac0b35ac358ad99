/** Builds bench/native/session_run.cc in the addon's build folder, so that shared sources are compiled once. */
import path from 'node:path';
import { buildTarget } from '../setup/cmake.mjs';
import { ROOT, unlessUnchanged } from '../setup/process.mjs';

const BUILD = path.join('build', 'cmake');
const PROGRAM = path.join(BUILD, 'ke_session_run');

/** Returns the program's path. `npm run bench` builds the addon before. */
export async function sessionRun() {
  const inputs = ['native', 'bench/native', 'CMakeLists.txt'];
  await unlessUnchanged('bench-session-run', { inputs, outputs: [PROGRAM] }, async () => {
    await buildTarget(BUILD, 'ke_session_run', ['-DKE_BUILD_BENCH=ON']);
  });
  return path.join(ROOT, PROGRAM);
}

/** Builds bench/native/session_run.cc, beside the addon, so that what both are made of is compiled once. */
import path from 'node:path';
import { buildTarget } from '../setup/cmake.mjs';
import { ROOT, unlessUnchanged } from '../setup/process.mjs';

const BUILD = path.join('build', 'cmake');
const PROGRAM = path.join(BUILD, 'ke_session_run');

/** The program. `npm run bench` has built the addon before. */
export async function sessionRun() {
  const inputs = ['native', 'bench/native', 'CMakeLists.txt'];
  await unlessUnchanged('bench-session-run', { inputs, outputs: [PROGRAM] }, async () => {
    await buildTarget(BUILD, 'ke_session_run', ['-DKE_BUILD_BENCH=ON']);
  });
  return path.join(ROOT, PROGRAM);
}

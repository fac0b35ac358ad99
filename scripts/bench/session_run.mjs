/** Builds bench/native/session_run.cc, beside the addon, so that what both are made of is compiled once. */
import os from 'node:os';
import path from 'node:path';
import { ROOT, run, unlessUnchanged } from '../setup/process.mjs';

const BUILD = path.join('build', 'cmake');
const PROGRAM = path.join(BUILD, 'ke_session_run');

/** The program. `npm run bench` has built the addon before. */
export async function sessionRun() {
  const inputs = ['native', 'bench/native', 'CMakeLists.txt'];
  await unlessUnchanged('bench-session-run', { inputs, outputs: [PROGRAM] }, async () => {
    const jobs = String(os.availableParallelism());
    await run('cmake', ['-B', BUILD, '-DKE_BUILD_BENCH=ON'], { quiet: true });
    const build = ['--build', BUILD, '--target', 'ke_session_run', '--parallel', jobs];
    await run('cmake', build, { quiet: true });
  });
  return path.join(ROOT, PROGRAM);
}

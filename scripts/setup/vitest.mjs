/** Runs vitest with the default build of the addon or with another build. */
import path from 'node:path';
import { packageBin, ROOT, runStatus } from './process.mjs';

/** Runs `vitest ARGS` and returns its exit code. */
export function vitest(args, options = {}) {
  const [node, program] = packageBin('vitest');
  return runStatus(node, [program, ...args], options);
}

/** Runs vitest. All processes of the tests load the addon from `build`, a folder that `compileAddon` built. */
export function vitestOver(build, args, { env = process.env } = {}) {
  const preload = path.join(ROOT, 'scripts', 'setup', 'other_addon.cjs');
  const other = {
    ...env,
    KE_OTHER_ADDON: path.join(ROOT, build, 'Release', 'keras_explainable.node'),
    NODE_OPTIONS: `${env.NODE_OPTIONS ?? ''} --require ${preload}`,
  };
  return vitest(args, { env: other });
}

/**
 * npm runs this script before packing. Compiles lib/ into an empty dist/, so that no file of an older build is packed.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { main, ROOT } from './setup/process.mjs';
import { buildTypeScript } from './setup.mjs';

main(async () => {
  rmSync(path.join(ROOT, 'dist'), { recursive: true, force: true });
  await buildTypeScript();
});

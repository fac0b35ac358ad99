/** npm runs this before it packs: the package holds a clean compilation of lib/ and nothing that an older one left. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { main, ROOT } from './setup/process.mjs';
import { buildTypeScript } from './setup.mjs';

main(async () => {
  rmSync(path.join(ROOT, 'dist'), { recursive: true, force: true });
  await buildTypeScript();
});

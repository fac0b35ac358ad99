/**
 * npm runs this where the package is installed: builds the addon, since no prebuilt ones are published. It never fails
 * an installation: what cannot be built now is an error of the first call that needs it, with the command that mends
 * it.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildAddon } from './build-native.mjs';
import { ROOT } from './setup/process.mjs';

// In a clone, `npm run setup` builds: it checks the machine first.
if (!existsSync(path.join(ROOT, 'lib'))) {
  try {
    await buildAddon();
  } catch (error) {
    console.error(
      `keras-explainable: the native addon was not built: ${error.message}\nIt needs CMake 3.18, make and a C++20 ` +
        'compiler (Debian, Ubuntu: apt-get install g++ cmake make). Then run: npx keras-explainable build',
    );
  }
}

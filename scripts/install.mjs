/**
 * npm runs this script when the package is installed. Builds the addon, because no binaries are published. A failed
 * build does not fail the installation. The first call that needs the addon then throws an error with the command that
 * builds the addon.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildAddon } from './build-native.mjs';
import { ROOT } from './setup/process.mjs';

// In a clone, `npm run setup` builds the addon after checking the machine.
if (!existsSync(path.join(ROOT, 'lib'))) {
  try {
    await buildAddon();
  } catch (error) {
    console.error(
      `keras-explainable: the native addon was not built: ${error.message}\nThe build needs CMake 3.18, make and a C++20 ` +
        'compiler (Debian, Ubuntu: apt-get install g++ cmake make). Then run: npx keras-explainable build',
    );
  }
}

// Prints the addon's C++ sources for binding.gyp, one a line: the folders that CMakeLists.txt globs.
const { readdirSync } = require('node:fs');

for (const folder of ['tensorflow', 'graph', 'control', 'trace', 'gradient', 'runtime', 'binding']) {
  for (const file of readdirSync(`native/${folder}`).sort()) {
    if (file.endsWith('.cc')) console.log(`native/${folder}/${file}`);
  }
}

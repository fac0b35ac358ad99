// Prints the addon's C++ sources for binding.gyp, one a line: those of every folder of native/.
const { readdirSync } = require('node:fs');

for (const folder of readdirSync('native').sort()) {
  for (const file of readdirSync(`native/${folder}`).sort()) {
    if (file.endsWith('.cc')) console.log(`native/${folder}/${file}`);
  }
}

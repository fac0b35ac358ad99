// Prints the addon's C++ sources for binding.gyp, one per line, from every folder of native/.
const { readdirSync } = require('node:fs');

for (const folder of readdirSync('native').sort()) {
  for (const file of readdirSync(`native/${folder}`).sort()) {
    if (file.endsWith('.cc')) console.log(`native/${folder}/${file}`);
  }
}

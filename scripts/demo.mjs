/**
 * `npm run demo`: sets the clone up and explains the 30 pictures of demo/ with the command `explain`. Arguments are
 * passed to this command:
 *
 *     npm run demo -- --method gradients --top 3
 *     npm run demo -- --sheet docs/images/demo.png                           # the README's picture
 *     npm run demo -- --method all                                           # compares the methods
 *     npm run demo -- --method all --pictures docs/images/methods            # also copies each method's PNG there
 */
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Failure, main, ROOT, step } from './setup/process.mjs';
import { setup } from './setup.mjs';

const DEMO = path.join(ROOT, 'demo');
const OUTPUT = path.join(ROOT, 'demo-output');

main(async () => {
  const { pictures, rest } = splitArguments(process.argv.slice(2));
  await setup();
  step('Explaining the pictures of demo/');
  await rm(OUTPUT, { recursive: true, force: true });
  const { run } = await import(pathToFileURL(path.join(ROOT, 'dist', 'cli', 'program.js')).href);
  const code = await run(
    [
      'explain',
      ...['--model', path.join(DEMO, 'model'), '--labels', path.join(DEMO, 'labels.txt')],
      ...['--images', path.join(path.relative('.', DEMO), 'images', '*').replaceAll(path.sep, '/')],
      ...['--boxes', path.join(DEMO, 'boxes.json'), '--out', path.relative('.', OUTPUT), ...rest],
    ],
    { out: process.stdout, err: process.stderr },
  );
  if (code === 0 && pictures !== undefined) await copyPictures(path.resolve(pictures));
  process.exitCode = code;
});

function splitArguments(args) {
  const at = args.indexOf('--pictures');
  if (at < 0) return { pictures: undefined, rest: args };
  const pictures = args[at + 1];
  if (pictures === undefined) throw new Failure('Expected a folder after --pictures.');
  if (!args.some((arg) => arg === 'all' || arg === '--method=all'))
    throw new Failure('--pictures needs --method all.');
  return { pictures, rest: args.toSpliced(at, 2) };
}

/** Copies the sheet as `all.png`, and each method's picture under the method's name. */
async function copyPictures(folder) {
  const strips = path.join(OUTPUT, 'methods');
  const files = [
    [path.join(OUTPUT, 'methods.png'), 'all.png'],
    ...(await readdir(strips)).map((name) => [path.join(strips, name), name]),
  ];
  await mkdir(folder, { recursive: true });
  for (const [from, name] of files) await copyFile(from, path.join(folder, name));
  console.log(`Wrote ${files.length} pictures to ${folder}`);
}

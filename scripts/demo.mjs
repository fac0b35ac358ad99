/**
 * `npm run demo`: makes the clone ready, then shows where the network of demo/ looked in its 30 pictures, by the
 * command that a user runs. `-- --sheet FILE` also writes a PNG of some pictures above their overlays (the README's
 * is docs/images/demo.png); other arguments go to the command, as `--method gradients` or `--top 3`.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { main, ROOT, step } from './setup/process.mjs';
import { setup } from './setup.mjs';

const DEMO = path.join(ROOT, 'demo');
const OUTPUT = path.join(ROOT, 'demo-output');
/** Columns of the contact sheet, and the side of a picture in it. */
const COLUMNS = 6;
const SIDE = 192;

main(async () => {
  const { sheet, rest } = splitArguments(process.argv.slice(2));
  await setup();
  step('Explaining the pictures of demo/ with Grad-CAM');
  await rm(OUTPUT, { recursive: true, force: true });
  const { run } = await load('cli/program.js');
  const code = await run(
    [
      'explain',
      ...['--model', path.join(DEMO, 'model'), '--labels', path.join(DEMO, 'labels.txt')],
      ...['--images', path.join(path.relative('.', DEMO), 'images', '*').replaceAll(path.sep, '/')],
      ...['--boxes', path.join(DEMO, 'boxes.json'), '--out', OUTPUT, '--method', 'gradcam', ...rest],
    ],
    { out: process.stdout, err: process.stderr },
  );
  if (code === 0 && sheet !== undefined) await writeSheet(path.resolve(sheet));
  process.exitCode = code;
});

function splitArguments(args) {
  const at = args.indexOf('--sheet');
  if (at < 0) return { sheet: undefined, rest: args };
  const sheet = args[at + 1];
  if (sheet === undefined) throw new Error('Expected a file after --sheet.');
  return { sheet, rest: args.toSpliced(at, 2) };
}

/** The first pictures above their overlays, read back from what the command wrote. */
async function writeSheet(file) {
  const { contactSheet, decodeImage, encodePng, resizeImage } = await load('image/index.js');
  const names = Object.keys(JSON.parse(await readFile(path.join(DEMO, 'boxes.json'), 'utf8'))).slice(
    0,
    COLUMNS,
  );
  const written = await readdir(path.join(OUTPUT, 'images'));
  const pictures = ['.original.', '.unit-'].flatMap((kind) =>
    names.map((name) => written.find((each) => each.startsWith(name + kind))),
  );
  const cells = await Promise.all(
    pictures.map(async (name) => {
      const picture = await decodeImage(await readFile(path.join(OUTPUT, 'images', name)));
      return resizeImage(picture, [SIDE, SIDE]);
    }),
  );
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, await encodePng(await contactSheet(cells, COLUMNS)));
  console.log(`Wrote ${file}`);
}

function load(file) {
  return import(pathToFileURL(path.join(ROOT, 'dist', file)).href);
}

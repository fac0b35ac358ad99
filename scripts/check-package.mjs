/**
 * Checks the published package. Packs the package and checks that the tarball has only allowed files and the same bytes
 * every time. Installs the tarball into an empty project without install scripts. Checks that import works and that the
 * error for the missing addon is clear. Builds the addon with the command from the error. Explains the demo's model
 * from ESM and from require.
 *
 * Usage: node scripts/check-package.mjs
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Failure, filesUnder, main, ROOT, step } from './setup/process.mjs';
import { closingLines, RESULTS } from './setup/results.mjs';
import { setup } from './setup.mjs';

/** A user's program, in both module systems. The model is the demo's model. */
const EXPLAIN = `
async function main() {
  const model = await ke.loadModel('model');
  const [height, width, channels] = model.inputs[0].shape.slice(1);
  const x = ke.tensor(new Float32Array(2 * height * width * channels).fill(0.5), [2, height, width, channels]);
  const { logits, maps } = await ke.explain(ke.methods.cams.gradcam, ke.inspection.expose(model), x, [[0], [1]]);
  console.log(JSON.stringify({ logits: logits.shape, maps: maps.shape, finite: maps.data.every(Number.isFinite) }));
  model.close();
}
`;

const FILES = {
  'explain.mjs': `import * as ke from 'keras-explainable';\n${EXPLAIN}\nawait main();\n`,
  'explain.cjs': `const ke = require('keras-explainable');\n${EXPLAIN}\nmain();\n`,
};

/** Runs a program in `cwd` and returns the exit code and all output. */
function execute(program, args, cwd) {
  const result = spawnSync(program, args, { cwd, encoding: 'utf8' });
  return { code: result.status, text: `${result.stdout}${result.stderr}`, stdout: result.stdout };
}

function must(program, args, cwd) {
  const result = execute(program, args, cwd);
  if (result.code !== 0) throw new Failure(`${program} ${args.join(' ')} failed:\n${result.text}`);
  return result;
}

const checks = [];
function check(name, problem) {
  checks.push({ name, problem });
  console.log(
    `  ${problem === undefined ? 'ok    ' : 'FAILED'} ${name}${problem === undefined ? '' : `\n${problem}`}`,
  );
}

/** Checks that the program printed a result with the expected shapes. */
function explains(program, cwd) {
  const { code, text, stdout } = execute(process.execPath, [program], cwd);
  try {
    const { logits, maps, finite } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    if (code === 0 && finite && String(logits) === '2,1' && maps.length === 4 && maps[0] === 2)
      return undefined;
  } catch {
    // The output, reported below, is more useful than the parser's error.
  }
  return text;
}

/** The files of the package outside of lib/ and native/. Add every new file to this list. */
const SINGLE_FILES = [
  ...['package.json', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE', 'THIRD_PARTY_NOTICES.md'],
  ...['CMakeLists.txt', 'binding.gyp', 'scripts/install.mjs', 'scripts/build-native.mjs'],
  ...['scripts/list-sources.cjs', 'scripts/setup/process.mjs'],
];

/** Returns the exact list of the tarball's files: the compilation of lib/, native/, and the single files. */
function allowedFiles() {
  const compiled = (name) => ['.js', '.d.ts', '.js.map'].map((ending) => name + ending);
  const fromSource = (file) => compiled(file.replace(/^lib\/(.*)\.(?:ts|js)$/, 'dist/$1'));
  const inClone = (folder) =>
    filesUnder([folder]).map((file) => path.relative(ROOT, file).replaceAll(path.sep, '/'));
  return [...SINGLE_FILES, ...inClone('native'), ...inClone('lib').flatMap(fromSource)];
}

function checkContents(tarball) {
  const names = must('tar', ['-tzf', tarball], ROOT).stdout.trim().split('\n');
  const files = names.map((name) => name.replace(/^package\//, ''));
  const allowed = allowedFiles();
  const missing = allowed.filter((name) => !files.includes(name));
  check(
    'the tarball has all required files',
    missing.length > 0 ? `missing: ${missing.join(', ')}` : undefined,
  );
  const stray = files.filter((name) => !allowed.includes(name));
  check('the tarball has no other files', stray.length > 0 ? `stray: ${stray.join(', ')}` : undefined);
}

/**
 * Packs a copy of the sources at another path, with later times and open permissions. The tarball must have the same
 * bytes.
 */
function checkReproducible(tarball, directory) {
  const copy = path.join(directory, 'copy');
  const umask = process.umask(0);
  for (const name of ['lib', 'native', 'scripts', 'tsconfig.json', 'package-lock.json', ...SINGLE_FILES]) {
    cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true });
  }
  process.umask(umask);
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  must('npm', ['pack', '--silent'], copy);
  const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');
  const [ours, theirs] = [tarball, path.join(copy, path.basename(tarball))].map(sha256);
  console.log(`  SHA-256 ${ours}`);
  check('the same sources make the same tarball', ours === theirs ? undefined : `another copy: ${theirs}`);
}

function checkProject(project, tarball) {
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), '{ "name": "empty", "private": true }\n');
  for (const [name, text] of Object.entries(FILES)) writeFileSync(path.join(project, name), text);
  cpSync(path.join(ROOT, 'demo', 'model'), path.join(project, 'model'), { recursive: true });
  must(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', tarball],
    project,
  );

  const imported = execute(
    process.execPath,
    ['-e', "import('keras-explainable').then((ke) => ke.loadModel)"],
    project,
  );
  check('import works without the addon', imported.code === 0 ? undefined : imported.text);
  const unbuilt = execute(process.execPath, ['explain.mjs'], project);
  const named = unbuilt.code !== 0 && unbuilt.text.includes('npx keras-explainable build');
  check('a missing addon is an error that names the command', named ? undefined : unbuilt.text);

  must('npx', ['--no-install', 'keras-explainable', 'build'], project);
  check('explains from ESM', explains('explain.mjs', project));
  check('explains from require', explains('explain.cjs', project));
  const cli = execute(
    path.join(project, 'node_modules', '.bin', 'keras-explainable'),
    ['--version'],
    project,
  );
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  check('the command runs', cli.code === 0 && cli.stdout.includes(version) ? undefined : cli.text);
  const doctor = execute(
    path.join(project, 'node_modules', '.bin', 'keras-explainable'),
    ['doctor', '--model', 'model'],
    project,
  );
  check('its doctor finds nothing missing', doctor.code === 0 ? undefined : doctor.text);
}

main(async () => {
  await setup();
  const directory = mkdtempSync(path.join(os.tmpdir(), 'ke-package-'));
  try {
    step('Packing');
    must('npm', ['pack', '--silent', '--pack-destination', directory], ROOT);
    const [filename] = readdirSync(directory);
    const tarball = path.join(directory, filename);
    checkContents(tarball);
    checkReproducible(tarball, directory);
    step('Installing the tarball into an empty project');
    checkProject(path.join(directory, 'project'), tarball);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const failed = checks.filter(({ problem }) => problem !== undefined).length;
  const counts = { passed: checks.length - failed, failed, skipped: 0 };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(path.join(RESULTS, 'package.json'), JSON.stringify(counts));
  console.log(closingLines(counts));
  return failed;
});

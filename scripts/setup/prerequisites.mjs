/** The prerequisites of the machine, each with the command that installs it. */
import { existsSync } from 'node:fs';
import { whyUnsupportedPlatform } from '../../lib/tensorflow/platforms.js';
import { capture, Failure } from './process.mjs';

const OLDEST_NODE = [20, 19];
const OLDEST_CMAKE = [3, 18];

/** Returns the command that installs a package with the machine's package manager. */
function install({ apt, dnf, brew }) {
  if (process.platform === 'darwin') return brew;
  if (existsSync('/usr/bin/apt-get')) return `sudo apt-get install ${apt}`;
  return `sudo dnf install ${dnf} (or your distribution's package of it)`;
}

function atLeast(version, [major, minor]) {
  const [actualMajor = 0, actualMinor = 0] = (/(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  return actualMajor > major || (actualMajor === major && actualMinor >= minor);
}

function checkNode() {
  if (atLeast(process.version, OLDEST_NODE)) return undefined;
  return `Node ${OLDEST_NODE.join('.')} or later (this is ${process.version}): install it from your version manager, as: nvm install 22`;
}

function checkCompiler() {
  const fix = install({ apt: 'g++', dnf: 'gcc-c++', brew: 'xcode-select --install' });
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean);
  for (const compiler of compilers) {
    // The macro has the standard that the flag enables: 202002L is C++20.
    const macros = capture('sh', ['-c', `echo | ${compiler} -std=c++20 -dM -E -x c++ -`]);
    if (/__cplusplus (2020|202[1-9])/.test(macros ?? '')) return undefined;
  }
  return `a C++20 compiler (tried ${compilers.join(', ')}): ${fix}`;
}

function checkCMake() {
  const version = capture('cmake', ['--version']);
  const fix = install({ apt: 'cmake', dnf: 'cmake', brew: 'brew install cmake' });
  if (version === undefined) return `CMake ${OLDEST_CMAKE.join('.')} or later: ${fix}`;
  if (!atLeast(version, OLDEST_CMAKE))
    return `CMake ${OLDEST_CMAKE.join('.')} or later (found ${version}): ${fix}`;
  return undefined;
}

function checkMake() {
  if (['make', 'ninja'].some((tool) => capture(tool, ['--version']) !== undefined)) return undefined;
  return `make or ninja: ${install({ apt: 'make', dnf: 'make', brew: 'xcode-select --install' })}`;
}

function checkPip() {
  if (process.env.KERAS_EXPLAINABLE_TENSORFLOW_DIR) return undefined; // nothing is going to be fetched
  const commands = [
    [process.env.KERAS_EXPLAINABLE_PYTHON ?? 'python3', '-m', 'pip', '--version'],
    ['python', '-m', 'pip', '--version'],
    ['pip3', '--version'],
    ['pip', '--version'],
  ];
  if (commands.some(([program, ...args]) => capture(program, args) !== undefined)) return undefined;
  const fix = install({ apt: 'python3-pip', dnf: 'python3-pip', brew: 'brew install python' });
  return `pip, which fetches libtensorflow (or set KERAS_EXPLAINABLE_TENSORFLOW_DIR): ${fix}`;
}

function checkGoogleTest() {
  const places = ['/usr/include', '/usr/local/include', '/opt/homebrew/include'];
  if (places.some((place) => existsSync(`${place}/gtest/gtest.h`))) return undefined;
  return `GoogleTest, for the native tests: ${install({ apt: 'libgtest-dev', dnf: 'gtest-devel', brew: 'brew install googletest' })}`;
}

/** Throws a Failure that lists all missing prerequisites. `tests` includes the prerequisites of the tests. */
export function checkPrerequisites({ tests = false } = {}) {
  const unsupported = whyUnsupportedPlatform();
  if (unsupported !== undefined) throw new Failure(unsupported);
  const checks = [
    checkNode,
    checkCompiler,
    checkCMake,
    checkMake,
    checkPip,
    ...(tests ? [checkGoogleTest] : []),
  ];
  const missing = checks.map((check) => check()).filter((problem) => problem !== undefined);
  if (missing.length === 0) return;
  throw new Failure(`This machine lacks:\n${missing.map((problem) => `  - ${problem}`).join('\n')}`);
}

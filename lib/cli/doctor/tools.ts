/** Checks the tools that build the addon and fetch libtensorflow, and the optional packages. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { findPip } from '../../tensorflow/pip.js';
import { output } from '../../tensorflow/system.js';
import type { Finding } from './finding.js';
import { runProbe } from './probing.js';

/** Alternative programs, one of which is enough, and the names of their packages on common systems. */
export interface Tool {
  readonly name: string;
  readonly programs: readonly string[];
  readonly packages: { readonly apt: string; readonly dnf: string; readonly brew: string };
}

const TOOLS: readonly Tool[] = [
  {
    name: 'C++ compiler',
    programs: [...(process.env.CXX ? [process.env.CXX] : []), 'c++', 'g++', 'clang++'],
    packages: { apt: 'g++', dnf: 'gcc-c++', brew: 'llvm' },
  },
  { name: 'CMake', programs: ['cmake'], packages: { apt: 'cmake', dnf: 'cmake', brew: 'cmake' } },
  { name: 'make', programs: ['make', 'ninja'], packages: { apt: 'make', dnf: 'make', brew: 'make' } },
];

/** The available {@link TOOLS} with their versions, and the pip that would be used. */
export interface FoundTools {
  readonly versions: ReadonlyMap<Tool, string | null>;
  readonly pip: string | null;
}

/** Reads the version of every tool. Never rejects. */
export async function findTools(): Promise<FoundTools> {
  const pip = findPip().then(
    (command) => command.join(' '),
    () => null,
  );
  const versions = await Promise.all(TOOLS.map(async (tool) => [tool, await versionOf(tool)] as const));
  return { versions: new Map(versions), pip: await pip };
}

/** @param needed whether the addon must still be built or the library must still be fetched. */
export function toolsFinding({ versions, pip }: FoundTools, needed: boolean): Finding {
  const found = [...versions];
  const missing = found.filter(([, version]) => version === null).map(([tool]) => tool);
  const names = [...missing.map(({ name }) => name), ...(pip === null ? ['pip'] : [])];
  const lacks = names.length > 0;
  return {
    check: 'build tools',
    // If the addon is built and the library is installed, no tool is needed.
    status: lacks && needed ? 'warning' : 'ok',
    found: lacks ? `without ${names.join(', ')}${needed ? '' : ' (not needed now)'}` : 'all there',
    details: [
      ...found.map(([{ name }, version]) => `${name}: ${version ?? 'not there'}`),
      `pip: ${pip ?? 'not there'}`,
    ],
    mend: lacks && needed ? installCommand(missing, pip === null) : undefined,
    facts: { ...Object.fromEntries(found.map(([{ name }, version]) => [name, version])), pip },
  };
}

async function versionOf({ programs }: Tool): Promise<string | null> {
  for (const program of programs) {
    const text = await output(program, ['--version']);
    if (text !== undefined) return text.split('\n', 1)[0]?.trim() ?? program;
  }
  return null;
}

function installCommand(missing: readonly Tool[], withPip: boolean): string {
  const names = (manager: 'apt' | 'dnf' | 'brew', pip: string) =>
    [...missing.map(({ packages }) => packages[manager]), ...(withPip ? [pip] : [])].join(' ');
  if (process.platform === 'darwin') return `brew install ${names('brew', 'python')}`;
  return `apt-get install ${names('apt', 'python3-pip')} (Fedora: dnf install ${names('dnf', 'python3-pip')})`;
}

/** The package that draws titles in figures. Everything else works without it. */
const CANVAS = '@napi-rs/canvas';

export async function canvasFinding(signal: AbortSignal): Promise<Finding> {
  const require = createRequire(import.meta.url);
  try {
    const path = require.resolve(CANVAS);
    await runProbe({ kind: 'module', path }, { signal });
    const manifest = JSON.parse(await readFile(join(dirname(path), 'package.json'), 'utf8')) as {
      version: string;
    };
    return {
      check: 'titles',
      status: 'ok',
      found: `${CANVAS} ${manifest.version}`,
      facts: { package: CANVAS, version: manifest.version },
    };
  } catch (error) {
    signal.throwIfAborted();
    return {
      check: 'titles',
      status: 'warning',
      found: `figures have no titles: the optional package ${CANVAS} cannot be loaded`,
      details: [(error as Error).message.split('\n', 1)[0] as string],
      mend: 'npm install (without --omit=optional)',
      facts: { package: CANVAS, version: null },
    };
  }
}

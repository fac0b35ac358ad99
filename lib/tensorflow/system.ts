/** The places outside the package where a machine may have libtensorflow: Python's packages and the system. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { libraryNames } from './library_layout.js';

/** Runs a program and returns what it printed, or undefined where it is absent, fails or takes over 15 s. */
export function output(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 15_000, maxBuffer: 1 << 24 }, (error, stdout) => {
      resolve(error === null ? stdout : undefined);
    });
  });
}

/** The Python interpreters to ask, in order: an active environment's first, then those on PATH. */
export function pythonInterpreters(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const active = [env.VIRTUAL_ENV, env.CONDA_PREFIX].filter(
    (prefix) => prefix !== undefined && prefix !== '',
  );
  const chosen = env.KERAS_EXPLAINABLE_PYTHON;
  if (chosen !== undefined && chosen !== '') return [chosen];
  return [...active.map((prefix) => path.join(prefix as string, 'bin', 'python')), 'python3', 'python'];
}

/** A TensorFlow among the packages of a Python. */
export interface PythonTensorflow {
  readonly version: string;
  readonly directory: string;
}

// Reads the metadata of the packages on sys.path, virtual environments, user site and .pth files included, and
// imports none of them: importing TensorFlow takes seconds, this takes a tenth of one.
const FIND_TENSORFLOW = `
import json
from importlib import metadata
found = []
for name in ("tensorflow", "tensorflow-cpu", "tensorflow-rocm", "tensorflow-macos", "tf-nightly"):
    try:
        package = metadata.distribution(name)
        found.append({"version": package.version, "directory": str(package.locate_file("tensorflow"))})
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
`;

/** The TensorFlow packages of `interpreter`, or undefined where there is no such interpreter. */
export async function pythonTensorflows(
  interpreter: string,
): Promise<readonly PythonTensorflow[] | undefined> {
  const text = await output(interpreter, ['-c', FIND_TENSORFLOW]);
  return text === undefined ? undefined : (JSON.parse(text) as PythonTensorflow[]);
}

/** A directory where the system may keep libtensorflow, and who named it. */
export interface SystemPlace {
  readonly place: string;
  /** Undefined where that source knows no libtensorflow. */
  readonly directory: string | undefined;
}

/** The system's own places: pkg-config, the dynamic loader's cache, and the prefixes that installers use. */
export async function systemPlaces(): Promise<readonly SystemPlace[]> {
  const places: SystemPlace[] = [];
  const libdir = (await output('pkg-config', ['--variable=libdir', 'tensorflow']))?.trim();
  places.push({ place: 'pkg-config', directory: libdir === '' ? undefined : libdir });
  if (process.platform === 'linux') {
    const cache = (await output('ldconfig', ['-p'])) ?? (await output('/sbin/ldconfig', ['-p'])) ?? '';
    places.push({ place: 'ldconfig', directory: libraryDirectoryIn(cache) });
  } else {
    places.push({ place: 'Homebrew', directory: '/opt/homebrew/lib' });
  }
  places.push({ place: 'the system', directory: '/usr/local/lib' });
  return places;
}

/** The directory of the best libtensorflow that `ldconfig -p` lists, each line as `name (kind) => path`. */
export function libraryDirectoryIn(ldconfigOutput: string): string | undefined {
  for (const { main } of libraryNames()) {
    for (const line of ldconfigOutput.split('\n')) {
      const [name, target] = line.split('=>');
      if (target !== undefined && name?.trim().startsWith(`${main} `)) return path.dirname(target.trim());
    }
  }
  return undefined;
}

/** The places outside the package that may have libtensorflow: Python's packages and the system. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { libraryNames } from './library_layout.js';

/** Runs a program and returns its stdout, or undefined if the program is absent, fails or takes more than 15 s. */
export function output(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 15_000, maxBuffer: 1 << 24 }, (error, stdout) => {
      resolve(error === null ? stdout : undefined);
    });
  });
}

/** Returns the Python interpreters to search, in order: the active environment's, then the interpreters on PATH. */
export function pythonInterpreters(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const active = [env.VIRTUAL_ENV, env.CONDA_PREFIX].filter(
    (prefix) => prefix !== undefined && prefix !== '',
  );
  const chosen = env.KERAS_EXPLAINABLE_PYTHON;
  if (chosen !== undefined && chosen !== '') return [chosen];
  return [...active.map((prefix) => path.join(prefix as string, 'bin', 'python')), 'python3', 'python'];
}

/** A TensorFlow package of a Python interpreter. */
export interface PythonTensorflow {
  readonly version: string;
  readonly directory: string;
}

// Reads the metadata of the packages on sys.path, including virtual environments, user site and .pth files. Imports no
// package: importing TensorFlow takes seconds, and reading the metadata takes a tenth of a second.
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

/** Returns the TensorFlow packages of `interpreter`, or undefined if the interpreter does not exist. */
export async function pythonTensorflows(
  interpreter: string,
): Promise<readonly PythonTensorflow[] | undefined> {
  const text = await output(interpreter, ['-c', FIND_TENSORFLOW]);
  return text === undefined ? undefined : (JSON.parse(text) as PythonTensorflow[]);
}

/** A directory that may hold the system's libtensorflow, and the source that named the directory. */
export interface SystemPlace {
  readonly place: string;
  /** Undefined if the source does not list a libtensorflow. */
  readonly directory: string | undefined;
}

/** Returns the system's places: pkg-config, the dynamic loader's cache, and the prefixes that installers use. */
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

/** Returns the directory of the preferred libtensorflow in the output of `ldconfig -p`: lines `name (kind) => path`. */
export function libraryDirectoryIn(ldconfigOutput: string): string | undefined {
  for (const { main } of libraryNames()) {
    for (const line of ldconfigOutput.split('\n')) {
      const [name, target] = line.split('=>');
      if (target !== undefined && name?.trim().startsWith(`${main} `)) return path.dirname(target.trim());
    }
  }
  return undefined;
}

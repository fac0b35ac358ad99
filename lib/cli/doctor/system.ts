/** Checks the machine: Node, processor, memory. */
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { whyUnsupportedPlatform } from '../../tensorflow/platforms.js';
import { formatBytes } from '../shared/numbers.js';
import { memoryLimit } from '../shared/pictures/memory.js';
import type { Finding } from './finding.js';

/** The version in `engines` of package.json. */
const OLDEST_NODE = [20, 19] as const;
/** The version of Node-API for which the addon is compiled. */
const NODE_API = 9;
/** ResNet50V2 at 224x224 needs about this much memory, including TensorFlow. */
const ENOUGH_BYTES = 1.5e9;

export function nodeFinding(
  version = process.versions.node,
  napi = process.versions.napi ?? '0',
  platform: string = process.platform,
): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldest, oldestMinor] = OLDEST_NODE;
  const fits = major > oldest || (major === oldest && minor >= oldestMinor);
  const unsupported = whyUnsupportedPlatform(platform);
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  const glibc = report?.header?.glibcVersionRuntime;
  const library = platform !== 'linux' ? '' : glibc === undefined ? ', no glibc' : `, glibc ${glibc}`;
  return {
    check: 'node',
    status: fits && Number(napi) >= NODE_API && unsupported === undefined ? 'ok' : 'error',
    found: `${version} with Node-API ${napi}, on ${platform} ${process.arch}${library}`,
    mend: fits ? unsupported : `install Node ${OLDEST_NODE.join('.')} or later, as: nvm install 22`,
    facts: {
      version,
      nodeApi: Number(napi),
      platform,
      arch: process.arch,
      glibc: glibc ?? null,
    },
  };
}

/** Instruction sets that TensorFlow's kernels use, by their names in Linux, the best last. */
const INSTRUCTIONS = [
  'sse4_2',
  'avx',
  'avx2',
  'fma',
  'f16c',
  'avx512f',
  'avx512_bf16',
  'avx512_vnni',
  'amx_bf16',
];

export async function cpuFinding(): Promise<Finding> {
  const info = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const flags = cpuFlags(info);
  const quota = await cpuQuota();
  const model = cpus()[0]?.model.trim() || 'unknown processor';
  const cores = availableParallelism();
  // TensorFlow's wheels for x64 need AVX. Without AVX, an illegal instruction would end the process.
  const lacksAvx = process.arch === 'x64' && flags.length > 0 && !flags.includes('avx');
  const limited = quota !== null && quota < cores;
  const limit = limited ? `, of which its cgroup grants ${Number(quota.toFixed(2))}` : '';
  const threads = Math.max(1, Math.floor(quota ?? 1));
  return {
    check: 'cpu',
    status: lacksAvx ? 'error' : limited ? 'warning' : 'ok',
    found: `${model}, ${cores} cores for this process${limit}`,
    details: flags.length === 0 ? [] : [`instructions: ${flags.join(' ')}`],
    mend: lacksAvx
      ? 'TensorFlow needs AVX: name a build for this CPU by KERAS_EXPLAINABLE_TENSORFLOW_DIR, or let a virtual machine pass the host CPU through'
      : limited
        ? `load models with \`threads: { interOp: ${threads} }\`: more threads only wait for each other`
        : undefined,
    facts: { model, cores, quota, instructions: flags },
  };
}

/** Returns the {@link INSTRUCTIONS} that /proc/cpuinfo lists. */
export function cpuFlags(cpuinfo: string): string[] {
  const [, listed = ''] = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo) ?? [];
  const all = new Set(listed.split(/\s+/));
  return INSTRUCTIONS.filter((name) => all.has(name));
}

/** Returns the number of processors that the cgroup allows, possibly a fraction. null means no limit. */
async function cpuQuota(): Promise<number | null> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const own = /^0::(.*)$/m.exec(await read('/proc/self/cgroup'))?.[1] ?? '/';
  const quotas: (number | null)[] = [];
  // Each level limits the levels below it. A container has its own root.
  for (let group = own; ; group = group.slice(0, Math.max(0, group.lastIndexOf('/')))) {
    quotas.push(parseQuota(await read(`/sys/fs/cgroup${group === '/' ? '' : group}/cpu.max`)));
    if (group === '' || group === '/') break;
  }
  const [quota, period] = await Promise.all(
    ['quota', 'period'].map((name) => read(`/sys/fs/cgroup/cpu/cpu.cfs_${name}_us`)),
  );
  quotas.push(parseQuota(`${quota?.trim()} ${period?.trim()}`));
  const known = quotas.filter((each) => each !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** Parses `cpu.max` of a cgroup: microseconds per period, or `max 100000` for no limit (-1 in version 1). */
export function parseQuota(text: string): number | null {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : null;
}

export function memoryFinding(limit = memoryLimit(), total = totalmem()): Finding {
  const share = limit < total ? `, of which its cgroup grants ${formatBytes(limit)}` : '';
  const little = limit < ENOUGH_BYTES;
  return {
    check: 'memory',
    status: little ? 'warning' : 'ok',
    found: `${formatBytes(total)}${share}; ${formatBytes(freemem())} free`,
    mend: little
      ? `larger models need more than ${formatBytes(ENOUGH_BYTES)}: grant more, or choose small models and batches`
      : undefined,
    facts: { total, limit, free: freemem() },
  };
}

import { describe, expect, test } from 'vitest';
import { environmentFinding, withoutCredentials } from '../../../lib/cli/doctor/environment.js';
import { printFinding } from '../../../lib/cli/doctor/finding.js';
import { modelFinding } from '../../../lib/cli/doctor/model_finding.js';
import { outcome } from '../../../lib/cli/doctor/probing.js';
import { cpuFlags, memoryFinding, nodeFinding, parseQuota } from '../../../lib/cli/doctor/system.js';
import { toolsFinding } from '../../../lib/cli/doctor/tools.js';
import { memoryTerminal } from './support.js';

describe('the machine', () => {
  test('needs a Node that runs the package and its addon', () => {
    expect(nodeFinding().status).toBe('ok');
    expect(nodeFinding('20.19.0', '9').status).toBe('ok');
    expect(nodeFinding('22.0.0', '9').status).toBe('ok');
    expect(nodeFinding('20.18.3', '9')).toMatchObject({ status: 'error', mend: /nvm install/ });
    expect(nodeFinding('18.20.0', '9').status).toBe('error');
    expect(nodeFinding('20.19.0', '8').status).toBe('error');
    expect(nodeFinding('22.0.0', '9', 'win32')).toMatchObject({ status: 'error', mend: /use WSL 2/ });
  });

  test('reports the instruction sets of the processor', () => {
    const cpuinfo = 'processor\t: 0\nflags\t\t: fpu sse4_2 avx avx2 avx512_vnni fma\nflags\t\t: other\n';
    expect(cpuFlags(cpuinfo)).toEqual(['sse4_2', 'avx', 'avx2', 'fma', 'avx512_vnni']);
    expect(cpuFlags('')).toEqual([]);
  });

  test('may be limited by its cgroup', () => {
    expect(parseQuota('150000 100000\n')).toBe(1.5);
    expect(parseQuota('max 100000\n')).toBeNull();
    expect(parseQuota('-1 100000')).toBeNull();
    expect(parseQuota('')).toBeNull();
    expect(parseQuota(' ')).toBeNull();
    expect(memoryFinding(16e9, 16e9)).toMatchObject({ status: 'ok' });
    expect(memoryFinding(16e9, 16e9).found).toMatch(/^16 GB; /);
    const little = memoryFinding(1e9, 16e9);
    expect(little).toMatchObject({ status: 'warning' });
    expect(little.found).toMatch(/^16 GB, of which its cgroup grants 1\.0 GB; /);
    expect(little.mend).toContain('more than 1.5 GB');
  });
});

describe('build tools', () => {
  const tool = (name: string) => ({ name, programs: [], packages: { apt: name, dnf: name, brew: name } });
  const versions = new Map([
    [tool('g++'), '12.2'],
    [tool('cmake'), null],
  ]);

  test('that are missing matter only if something must be built', () => {
    const missing = toolsFinding({ versions, pip: null }, true);
    expect(missing).toMatchObject({ status: 'warning', found: 'without cmake, pip' });
    expect(missing.mend).toMatch(/install .*cmake/);
    expect(missing.details).toEqual(['g++: 12.2', 'cmake: not there', 'pip: not there']);
    const notNeeded = toolsFinding({ versions, pip: 'pip3' }, false);
    expect(notNeeded).toMatchObject({ status: 'ok', found: 'without cmake (not needed now)' });
    expect(notNeeded.mend).toBeUndefined();
  });
});

describe('credentials', () => {
  test.each([
    ['http://me:secret@proxy:8080/', 'http://***@proxy:8080/'],
    ['http://me:se@cr/et@proxy:8080', 'http://***@proxy:8080'],
    ['me:secret@proxy:8080', '***@proxy:8080'],
    ['https://token@host/simple?key=secret#secret', 'https://***@host/simple?***'],
    ['https://a:secret@x/1 https://b:secret@y/2', 'https://***@x/1 https://***@y/2'],
    ['http://proxy:8080', 'http://proxy:8080'],
    ['/usr/lib:/opt/lib', '/usr/lib:/opt/lib'],
    ['', ''],
  ])('of %j are left out', (value, shown) => {
    expect(withoutCredentials(value)).toBe(shown);
    expect(withoutCredentials(value)).not.toContain('secret');
  });

  test('are left out of the variables, which are those that matter', () => {
    const found = environmentFinding({
      HOME: '/home/me',
      https_proxy: 'http://me:secret@proxy',
      KERAS_EXPLAINABLE_TENSORFLOW_DIR: '/opt/tf',
      PIP_PASSWORD: 'secret',
      GITHUB_TOKEN: 'secret',
      TF_ENABLE_ONEDNN_OPTS: '0',
    });
    expect(found.details).toEqual([
      'KERAS_EXPLAINABLE_TENSORFLOW_DIR=/opt/tf',
      'PIP_PASSWORD=***',
      'TF_ENABLE_ONEDNN_OPTS=0',
      'https_proxy=http://***@proxy',
    ]);
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  test('are not those of Terraform, which begin with TF_ as well', () => {
    const terraform = {
      TF_CLI_CONFIG_FILE: 'x',
      TF_VAR_zone: 'x',
      TF_LOG: 'x',
      TF_DATA_DIR: 'x',
      TF_INPUT: '0',
    };
    expect(environmentFinding(terraform).found).toBe('no variable that matters here is set');
    const read = { TF_GPU_THREAD_MODE: 'x', TF_LOG_XLA_ACTIVITY: '1', XLA_FLAGS: '--xla_dump_to=x' };
    expect(Object.keys(environmentFinding({ ...terraform, ...read }).facts ?? {})).toEqual(Object.keys(read));
    expect(environmentFinding({ TF_ENABLE_ONEDNN_OPTS: '0' }).found).toBe('1 variable that matters here');
  });
});

describe('a process that tries something', () => {
  const end = { code: 0, death: null, late: false, text: '' } as const;

  test('has an answer', () => {
    expect(outcome({ result: { version: '2' } }, end)).toEqual({ version: '2' });
    expect(() => outcome({ reason: 'no such file' }, end)).toThrow(/^no such file$/);
  });

  test('may crash, even after its answer', () => {
    const crash = { ...end, code: null, death: 'SIGSEGV' } as const;
    expect(() => outcome(null, crash)).toThrow(/^it crashed \(SIGSEGV\)$/);
    expect(() => outcome({ result: {} }, crash)).toThrow('SIGSEGV');
    const illegal = { ...crash, death: 'SIGILL' } as const;
    expect(() => outcome(null, illegal)).toThrow('instructions that this CPU does not have');
    const last = { ...crash, death: 'SIGABRT', text: 'first\nterminate called\n' } as const;
    expect(() => outcome(null, last)).toThrow(/its last words: terminate called$/);
    expect(() => outcome(null, { ...crash, death: 'SIGFPE' })).toThrow('it was ended by SIGFPE');
  });

  test('may end without a word, or not at all', () => {
    expect(() => outcome(null, { ...end, code: 1 })).toThrow('it ended with code 1');
    expect(() => outcome(null, { ...end, code: null, death: 'SIGKILL', late: true })).toThrow(/within \d+ s/);
  });
});

test('a model is not tried without TensorFlow', async () => {
  const { signal } = new AbortController();
  const found = await modelFinding({ kind: 'model', path: 'm' }, null, signal);
  expect(found).toMatchObject({ check: 'model', status: 'error' });
  expect(found.found).toContain('m was not tried');
});

test('a finding is a line, with more below it', async () => {
  const terminal = memoryTerminal();
  await printFinding(terminal, {
    check: 'addon',
    status: 'error',
    found: 'not there',
    details: ['a', 'b'],
    mend: 'build it',
  });
  expect(terminal.text().out).toBe('✖ addon: not there\n    a\n    b\n    to fix it: build it\n');
});

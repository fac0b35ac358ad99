/**
 * Workers on hosts of their own, which network namespaces stand for: plain, with a cable that is pulled, behind a
 * firewall through SSH, and through WireGuard. Skipped, with the reason in the test's name, where the machine does not
 * allow it.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Host, lineOf, makeHosts, must, programAt, whyNot } from './network/hosts.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
const CLIENT = join(ROOT, 'test', 'integration', 'distribute', 'network', 'client.mjs');
const PORT = 2222;
/** A worker is another process, with other threads. */
const TOLERANCE = 1e-5;

const reason = whyNot();
const named = (name: string, why: string | null) => (why === null ? name : `${name} (skipped: ${why})`);
const unless = (why: string | null) => (why === null ? test : test.skip);

describe.skipIf(reason !== null)(named('hosts', reason), () => {
  const folder = mkdtempSync(join(tmpdir(), 'ke-network-'));
  let hosts: ReturnType<typeof makeHosts>;
  let client: Host;
  let servers: Host[];

  beforeAll(async () => {
    hosts = makeHosts(2);
    ({ client, servers } = hosts);
    await Promise.all(
      servers.map((server) => {
        const args = ['worker', '--port', String(PORT), '--host', server.address, '--threads', '1'];
        return lineOf(server.start(process.execPath, [MAIN, ...args]), / ready at /, 110);
      }),
    );
  });
  afterAll(async () => {
    await hosts?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const explain = (
    workers: readonly string[],
    options: { timeoutMs: number; afterwards?: 'stream' | 'wait' },
  ) => client.start(process.execPath, [CLIENT, JSON.stringify({ workers, ...options })]);
  const compared = async (workers: readonly string[]) =>
    JSON.parse(await lineOf(explain(workers, { timeoutMs: 10_000 }), /compared|failed/));
  const all = () => servers.map(({ address }) => `${address}:${PORT}`);
  const expectSame = (event: object) => {
    expect(event).toMatchObject({ event: 'compared' });
    expect((event as { difference: number }).difference).toBeLessThan(TOLERANCE);
  };

  test('maps of two hosts are those of this one', async () => {
    expectSame(await compared(all()));
  });

  test('a host whose cable is pulled is done without, and taken back', { timeout: 90_000 }, async () => {
    const [first] = servers as [Host];
    const child = explain(all(), { timeoutMs: 2000, afterwards: 'stream' });
    expectSame(JSON.parse(await lineOf(child, /compared|failed/)));
    const state = (name: string) => new RegExp(`${first.address}:${PORT}","state":"${name}"`);
    await lineOf(child, state('up'));
    first.cable('down');
    await lineOf(child, state('down'), 20);
    await sleep(500);
    first.cable('up');
    await lineOf(child, new RegExp(`"steps":\\d+,.*${state('up').source}`), 20);
    child.stdin?.end('enough\n');
    const ended = JSON.parse(await lineOf(child, /"event":"(ended|failed)"/));
    expect(ended).toMatchObject({ event: 'ended' });
    expect(ended.difference).toBeLessThan(TOLERANCE);
    // The silence is over when the timeout is, and what was lost is computed.
    expect(ended.longestMs).toBeLessThan(2000 + 4000);
  });

  test('a client whose cable is pulled closes its model and ends at once', { timeout: 90_000 }, async () => {
    const [first] = servers as [Host];
    const child = explain(all(), { timeoutMs: 60_000, afterwards: 'wait' });
    expectSame(JSON.parse(await lineOf(child, /compared|failed/)));
    first.cable('down');
    try {
      await sleep(2000); // somebody waits for a connection by now
      const begin = performance.now();
      const exited = once(child, 'exit');
      child.stdin?.end('enough\n');
      await exited;
      expect(performance.now() - begin).toBeLessThan(10_000);
    } finally {
      first.cable('up');
    }
  });

  const sshd = programAt('sshd');
  const nft = programAt('nft');
  const noSsh = sshd === null || nft === null ? 'sshd and nft are not both installed' : null;
  unless(noSsh)(named('a worker behind a firewall is reached through SSH', noSsh), async () => {
    const [server] = servers as [Host];
    const key = (name: string) => {
      must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
      return join(folder, name);
    };
    const [hostKey, clientKey] = [key('host'), key('client')];
    const authorized = join(folder, 'authorized_keys');
    // As SECURITY.md says: this key opens one port, and no shell.
    const limits = `restrict,port-forwarding,permitopen="localhost:${PORT}"`;
    writeFileSync(authorized, `${limits} ${must('ssh-keygen', ['-y', '-f', clientKey])}`, { mode: 0o600 });
    const known = join(folder, 'known_hosts');
    writeFileSync(known, `${server.address} ${must('ssh-keygen', ['-y', '-f', hostKey])}`);
    must('mkdir', ['-p', '/run/sshd']);
    const config = ['UsePAM=no', 'PasswordAuthentication=no', 'StrictModes=no', 'PermitRootLogin=yes'];
    config.push(`HostKey=${hostKey}`, `AuthorizedKeysFile=${authorized}`, 'PidFile=none');
    const daemon = server.start(sshd as string, [
      '-D',
      '-e',
      '-f',
      '/dev/null',
      ...config.flatMap((o) => ['-o', o]),
    ]);
    await lineOf(daemon, /Server listening/, 10);

    server.run('nft', ['-f', '-'], firewall('lo'));
    try {
      const refused = await lineOf(
        explain([`${server.address}:${PORT}`], { timeoutMs: 2000 }),
        /compared|failed/,
      );
      expect(JSON.parse(refused)).toMatchObject({ event: 'failed', code: 'UNAVAILABLE' });

      const options = ['BatchMode=yes', `UserKnownHostsFile=${known}`, 'ExitOnForwardFailure=yes'];
      options.push('ServerAliveInterval=5', 'ServerAliveCountMax=3', 'LogLevel=VERBOSE');
      const forward = `12222:localhost:${PORT}`;
      const user = must('id', ['-un']).trim();
      const args = [...options.flatMap((o) => ['-o', o]), '-i', clientKey, '-N', '-L', forward];
      const tunnel = client.start('ssh', [...args, `${user}@${server.address}`]);
      await lineOf(tunnel, /Local forwarding listening|Authenticated to/, 10);
      await sleep(300);
      expectSame(await compared(['localhost:12222']));
    } finally {
      server.run('nft', ['flush', 'ruleset']);
    }
  });

  const wireguard = noWireguard();
  unless(wireguard)(named('a worker is reached through WireGuard, and only so', wireguard), async () => {
    const [server] = servers as [Host];
    const pair = () => {
      const secret = must('wg', ['genkey']).trim();
      return { secret, known: must('wg', ['pubkey'], secret).trim() };
    };
    const [ours, theirs] = [pair(), pair()];
    const join_ = async (host: Host, address: string, own: typeof ours, config: string) => {
      const file = join(folder, `${host.name}.conf`);
      writeFileSync(file, `[Interface]\nPrivateKey = ${own.secret}\n${config}`, { mode: 0o600 });
      const device = `wg${host.name}`;
      const userspace = programAt('wireguard-go', 'wireguard');
      if (userspace === null) {
        host.run('ip', ['link', 'add', device, 'type', 'wireguard']);
      } else {
        host.start(userspace, ['-f', device]);
        await sleep(1000);
      }
      host.run('wg', ['setconf', device, file]);
      host.run('ip', ['address', 'add', `${address}/24`, 'dev', device]);
      host.run('ip', ['link', 'set', device, 'up', 'mtu', '1420']);
      return device;
    };
    const device = await join_(
      server,
      '10.92.0.2',
      theirs,
      `ListenPort = 51820\n[Peer]\nPublicKey = ${ours.known}\nAllowedIPs = 10.92.0.1/32\n`,
    );
    await join_(
      client,
      '10.92.0.1',
      ours,
      `[Peer]\nPublicKey = ${theirs.known}\nEndpoint = ${server.address}:51820\nAllowedIPs = 10.92.0.2/32\n`,
    );
    server.run('nft', ['-f', '-'], firewall('lo', device));
    try {
      const refused = await lineOf(
        explain([`${server.address}:${PORT}`], { timeoutMs: 2000 }),
        /compared|failed/,
      );
      expect(JSON.parse(refused)).toMatchObject({ event: 'failed', code: 'UNAVAILABLE' });
      expectSame(await compared([`10.92.0.2:${PORT}`]));
    } finally {
      server.run('nft', ['flush', 'ruleset']);
    }
  });
});

/** As SECURITY.md has it: the worker's port is open to these interfaces alone. */
function firewall(...interfaces: string[]): string {
  const names = interfaces.map((name) => `"${name}"`).join(', ');
  return `table inet keras_explainable {
  chain input {
    type filter hook input priority 0; policy accept;
    iifname { ${names} } accept
    tcp dport ${PORT} drop
  }
}
`;
}

function noWireguard(): string | null {
  if (programAt('wg') === null || programAt('nft') === null) return 'wg and nft are not both installed';
  return programAt('wireguard-go', 'wireguard') === null ? 'there is no wireguard-go' : null;
}

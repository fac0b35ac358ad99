/**
 * Who is connected to a port of this machine, as the kernel of Linux tells it: TensorFlow's server says nothing of its
 * clients. Elsewhere nobody is seen.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Those of IPv4, and of IPv6, where servers that listen on every address have both. */
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
const ESTABLISHED = '01';
/** Clients' first run takes longer; their knocks at the port (twice a second) are shorter, and no clients. */
const MILLISECONDS = 250;

/** The far ends of connections to `port`, as '10.0.0.7:51234' and '[fd00::7]:51234', in a table of /proc/net. */
export function peersIn(table: string, port: number): string[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', remote = '', state] = line.trim().split(/\s+/);
      return state === ESTABLISHED && portOf(local) === port
        ? [`${addressOf(remote)}:${portOf(remote)}`]
        : [];
    });
}

function portOf(end: string): number {
  return Number.parseInt(end.slice(end.indexOf(':') + 1), 16);
}

/** The kernel writes words of four bytes, of which it has the last first. */
function addressOf(end: string): string {
  const words = end.slice(0, end.indexOf(':')).match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [...Buffer.from(word, 'hex').reverse()]);
  if (bytes.length === 4) return bytes.join('.');
  const hex = Buffer.from(bytes).toString('hex');
  const MAPPED = '00000000000000000000ffff';
  if (hex.startsWith(MAPPED)) return bytes.slice(12).join('.');
  return new URL(`http://[${hex.match(/.{4}/g)?.join(':')}]`).hostname;
}

/** Calls `say` for each client that comes and goes, until `signal` is aborted. */
export function watchClients(port: number, signal: AbortSignal, say: (event: string) => void): void {
  let seen = new Set<string>();
  let connected = new Set<string>();
  const look = async () => {
    const tables = await Promise.all(TABLES.map((path) => readFile(path, 'latin1').catch(() => '')));
    const now = new Set(tables.flatMap((table) => peersIn(table, port)));
    const staying = new Set([...now].filter((peer) => seen.has(peer)));
    for (const peer of staying) if (!connected.has(peer)) say(`client ${peer} connected`);
    for (const peer of connected) if (!now.has(peer)) say(`client ${peer} left`);
    [seen, connected] = [now, staying];
  };
  // Never two looks in a hurry, as a busy process makes up for ticks that it missed: each waits for the one before.
  const watch = async () => {
    while (!signal.aborted) {
      await look();
      await sleep(MILLISECONDS, null, { signal }).catch(() => undefined);
    }
  };
  void watch();
}

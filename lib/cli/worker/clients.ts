/**
 * Lists the clients that are connected to a port of this machine, from the tables of the Linux kernel, because
 * TensorFlow's server does not report its clients. On other systems, no client is listed.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The tables of IPv4 and IPv6. Servers that listen on every address have connections in both. */
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
const ESTABLISHED = '01';
/**
 * The interval of polls. A first run takes longer. Probes of the port (twice a second) are shorter and do not count.
 */
const MILLISECONDS = 250;

/** Returns the remote ends of connections to `port` in a table of /proc/net: '10.0.0.7:51234', '[fd00::7]:51234'. */
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

/** Decodes an address. The kernel writes words of four bytes in reverse byte order. */
function addressOf(end: string): string {
  const words = end.slice(0, end.indexOf(':')).match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [...Buffer.from(word, 'hex').reverse()]);
  if (bytes.length === 4) return bytes.join('.');
  const hex = Buffer.from(bytes).toString('hex');
  const MAPPED = '00000000000000000000ffff';
  if (hex.startsWith(MAPPED)) return bytes.slice(12).join('.');
  return new URL(`http://[${hex.match(/.{4}/g)?.join(':')}]`).hostname;
}

/** Calls `say` for each client that connects or disconnects, until `signal` is aborted. */
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
  // Each poll waits for the poll before. A busy process would otherwise make up for missed ticks at once.
  const watch = async () => {
    while (!signal.aborted) {
      await look();
      await sleep(MILLISECONDS, null, { signal }).catch(() => undefined);
    }
  };
  void watch();
}

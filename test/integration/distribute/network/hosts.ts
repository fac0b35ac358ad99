/** Network namespaces of Linux as separate hosts: a client, and servers that a cable each joins to it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Why this machine cannot do it; null where it can. */
export function whyNot(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are Linux';
  const name = `ke${process.pid}try`;
  const commands = [
    ['netns', 'add', name],
    ['link', 'add', `${name}0`, 'type', 'veth', 'peer', 'name', `${name}1`, 'netns', name],
  ];
  try {
    for (const args of commands) {
      const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
      if (status !== 0) return `ip ${args.join(' ')}: ${error?.message ?? stderr.trim()}`;
    }
    return null;
  } finally {
    spawnSync('ip', ['netns', 'del', name]);
  }
}

/** The path of a program, or null. */
export function programAt(...names: string[]): string | null {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return (
    names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file)) ??
    null
  );
}

export function must(command: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', input });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

export class Host {
  readonly name: string;
  readonly address: string;
  /** Of the client, on this host's cable. */
  readonly clientAddress: string;
  readonly #children: ChildProcess[] = [];

  constructor(name: string, address: string, clientAddress: string) {
    this.name = name;
    this.address = address;
    this.clientAddress = clientAddress;
  }

  /** Runs to its end. */
  run(command: string, args: readonly string[], input?: string): string {
    return must('ip', ['netns', 'exec', this.name, command, ...args], input);
  }

  /**
   * Starts a process that lasts; ended with the host at the latest. `ip` becomes the program: its pid is the program's.
   */
  start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, command, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', ...env },
    });
    this.#children.push(child);
    return child;
  }

  /** Pulls its cable, or plugs it in: the other end notices nothing but silence. */
  cable(state: 'up' | 'down'): void {
    this.run('ip', ['link', 'set', 'cable', state]);
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    spawnSync('ip', ['netns', 'del', this.name]);
  }
}

/** A client and so many servers, none of which sees another. */
export function makeHosts(count: number): { client: Host; servers: Host[]; close(): Promise<void> } {
  const prefix = `ke${process.pid}`;
  const hosts: Host[] = [];
  const add = (name: string, address: string, clientAddress: string) => {
    must('ip', ['netns', 'add', name]);
    const host = new Host(name, address, clientAddress);
    hosts.push(host);
    host.run('ip', ['link', 'set', 'lo', 'up']);
    return host;
  };
  const client = add(`${prefix}c`, '', '');
  const servers = Array.from({ length: count }, (_, i) => {
    const server = add(`${prefix}s${i}`, `10.91.${i}.2`, `10.91.${i}.1`);
    const cable = `cable${i}`;
    client.run('ip', ['link', 'add', cable, 'type', 'veth', 'peer', 'name', 'cable', 'netns', server.name]);
    client.run('ip', ['address', 'add', `${server.clientAddress}/24`, 'dev', cable]);
    client.run('ip', ['link', 'set', cable, 'up']);
    server.run('ip', ['address', 'add', `${server.address}/24`, 'dev', 'cable']);
    server.cable('up');
    return server;
  });
  return {
    client,
    servers,
    async close() {
      await Promise.all(hosts.map((host) => host.close()));
    },
  };
}

/** Resolves with the first line of a process that matches. */
export function lineOf(child: ChildProcess, pattern: RegExp, seconds = 60): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(
      () => reject(new Error(`no ${pattern} within ${seconds} s: ${text}`)),
      seconds * 1000,
    );
    const read = (block: Buffer) => {
      text += block;
      const line = text.split('\n').find((each) => pattern.test(each));
      if (line === undefined) return;
      clearTimeout(timer);
      resolve(line);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.on('exit', (code) => reject(new Error(`ended with code ${code} before ${pattern}: ${text}`)));
  });
}

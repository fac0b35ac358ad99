/** This package in a separate process. */
import path from 'node:path';
import { ROOT } from '../../scripts/setup/process.mjs';
import { Peer } from './peer.mjs';

export async function startOwn() {
  return new Peer(process.execPath, [path.join(ROOT, 'bench', 'peers', 'own_peer.mjs')]);
}

/**
 * The rows of the benchmark. A row is
 *
 *     { name, title, metrics: { [figure]: Metric }, needs?,
 *       open(): Promise<{ measure(): Promise<{ [figure]: number }>, close(): Promise<void> } | null> }
 *
 * `open` prepares what is not to be measured; null where what the row `needs` is not there, and a Failure where a peer
 * cannot be had. `measure` is called once a round, and gives every figure that is no ratio (bench/report.mjs).
 */
import { CALLS } from './calls.mjs';
import { COALESCING } from './coalescing.mjs';
import { DISTRIBUTION } from './distribution.mjs';
import { END_TO_END } from './end_to_end.mjs';
import { EVENT_LOOP } from './event_loop.mjs';
import { EXPLAINERS } from './explainer.mjs';
import { GEMM } from './gemm.mjs';
import { JACOBIAN } from './jacobian.mjs';
import { LATENCY } from './latency.mjs';
import { MARSHALLING } from './marshalling.mjs';
import { NETWORKS } from './networks.mjs';
import { SERVER } from './server.mjs';
import { START } from './start.mjs';

/** Those of speed against peers and limits. */
const SPEED = [...NETWORKS, GEMM, JACOBIAN, LATENCY, MARSHALLING, END_TO_END, START, ...COALESCING];

export const ROWS = [...SPEED, SERVER, ...EXPLAINERS, ...CALLS, EVENT_LOOP, ...DISTRIBUTION];

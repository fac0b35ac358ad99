/**
 * The rows of the benchmark. The type of a row:
 *
 *     { name, title, metrics: { [figure]: Metric }, needs?,
 *       open(): Promise<{ measure(): Promise<{ [figure]: number }>, close(): Promise<void> } | null> }
 *
 * `open` does the work that is not measured. `open` returns null if the requirement `needs` is missing, and throws a
 * Failure if a peer is unavailable. `measure` is called once per round and returns all figures except ratios
 * (bench/report.mjs).
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
import { LSTM } from './recurrent.mjs';
import { SERVER } from './server.mjs';
import { START } from './start.mjs';

/** The rows that compare speed with peers and with limits. */
const SPEED = [...NETWORKS, GEMM, JACOBIAN, LSTM, LATENCY, MARSHALLING, END_TO_END, START, ...COALESCING];

export const ROWS = [...SPEED, SERVER, ...EXPLAINERS, ...CALLS, EVENT_LOOP, ...DISTRIBUTION];

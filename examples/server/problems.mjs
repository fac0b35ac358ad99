/** Errors as problem details (RFC 9457). */
import { STATUS_CODES } from 'node:http';
import * as ke from 'keras-explainable';

/** The status of a request whose client has disconnected. Logs and metrics distinguish this status from failures. */
const CLIENT_CLOSED_REQUEST = 499;

/** An error that a route throws on purpose. */
export class Problem extends Error {
  /** @param {number} status @param {string} message @param {{ retryAfterMs?: number }} [details] */
  constructor(status, message, { retryAfterMs } = {}) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

const OF_PICTURES = { DATA_LOSS: 400, UNIMPLEMENTED: 415, OUT_OF_RANGE: 413 };

/** Returns the problem that describes `error` to a client. Internal errors are described without details. */
export function problemOf(error) {
  if (error instanceof Problem) return error;
  if (error instanceof ke.ImageError) return new Problem(OF_PICTURES[error.code] ?? 400, error.message);
  if (error instanceof ke.QueueFullError) {
    return new Problem(503, 'Too many pictures are waiting.', { retryAfterMs: error.retryAfterMs });
  }
  if (error instanceof ke.TimeoutError) {
    return new Problem(503, 'The explanation took too long.', { retryAfterMs: 1000 });
  }
  if (error instanceof ke.CancelledError || error?.name === 'AbortError') {
    return new Problem(CLIENT_CLOSED_REQUEST, 'The client has closed the request.');
  }
  if (error?.code === 'CLOSED')
    return new Problem(503, 'The service is shutting down.', { retryAfterMs: 1000 });
  // Errors of Fastify: a body that is too large, an unsupported media type, an invalid query.
  if (error?.statusCode >= 400 && error.statusCode < 500) return new Problem(error.statusCode, error.message);
  return new Problem(500, 'An internal error occurred. The log has the details under this instance.');
}

/** Fastify's error handler. */
export function sendProblem(error, request, reply) {
  const { status, message, retryAfterMs } = problemOf(error);
  if (status >= 500 && status !== 503) request.log.error({ err: error }, 'request failed');
  else request.log.info({ status, reason: error.message }, 'request refused');
  if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / 1000));
  return reply
    .code(status)
    .type(MEDIA_TYPE)
    .send(details(status, message, request.id));
}

const MEDIA_TYPE = 'application/problem+json';

function details(status, detail, instance) {
  const title = STATUS_CODES[status] ?? 'Client Closed Request';
  return { type: 'about:blank', title, status, detail, instance };
}

/** Fastify's handler for broken requests: invalid HTTP, or requests that did not arrive in time. */
export function answerBrokenRequest({ code }, socket) {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const late = code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const status = late ? 408 : code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  const body = JSON.stringify(
    details(status, late ? 'The request did not arrive in time.' : 'The request is not valid HTTP.'),
  );
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

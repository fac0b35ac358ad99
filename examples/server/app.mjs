/** The HTTP side of the service: routes, limits, and admission of requests. */
import Fastify, { LogController } from 'fastify';
import { makeMetrics } from './metrics.mjs';
import { answerBrokenRequest, Problem, sendProblem } from './problems.mjs';

const PICTURES = ['image/jpeg', 'image/png', 'image/gif', 'image/bmp', 'image/x-ms-bmp'];

/** The query parameters. Unknown parameters are refused: an ignored misspelling would look like a wrong map. */
const QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    unit: { type: 'integer', minimum: 0 },
    top: { type: 'integer', minimum: 1, maximum: 1000, default: 5 },
    alpha: { type: 'number', minimum: 0, maximum: 1, default: 0.5 },
  },
};

/**
 * @param options the result of `readOptions`
 * @param state `explanations` is null until the model is loaded. `draining` is true during the shutdown
 */
export function makeApp(options, state) {
  const app = Fastify({
    logger: { level: options.logLevel },
    // The proxy logs requests. problems.mjs logs refusals and failures.
    logController: new LogController({ disableRequestLogging: true }),
    clientErrorHandler: answerBrokenRequest,
    bodyLimit: options.maxBodyBytes,
    requestTimeout: options.bodyTimeoutMs,
    http: {
      // For bodies, Node uses the longer of the two timeouts and checks for expiry at `connectionsCheckingInterval`.
      headersTimeout: options.bodyTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, options.bodyTimeoutMs),
    },
    ajv: { customOptions: { removeAdditional: false } },
    schemaErrorFormatter: ([error]) => new Error(describeMisuse(error)),
  });
  /** The number of requests in progress, whose bodies and decoded pictures are in memory. */
  let inWork = 0;
  const { register, duration } = makeMetrics({
    stats: () => state.explanations?.explainer.stats() ?? null,
    inWork: () => inWork,
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(PICTURES, { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw new Problem(404, `There is no ${request.method} ${request.url.split('?')[0]}.`);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    duration.observe({ route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });

  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async () => {
    if (state.draining) throw new Problem(503, 'The service is shutting down.');
    if (state.explanations === null) throw new Problem(503, 'The model is being loaded.');
    return { status: 'ready' };
  });
  app.get('/metrics', async (_, reply) => {
    reply.type(register.contentType);
    return register.metrics();
  });

  app.post('/explain', {
    schema: { querystring: QUERY },
    // Requests are refused before the body is read, so that refused requests take no memory.
    onRequest: async (_, reply) => {
      if (state.explanations === null)
        throw new Problem(503, 'The model is being loaded.', { retryAfterMs: 1000 });
      if (inWork >= options.maxRequests) throw new Problem(503, 'Too many requests.', { retryAfterMs: 1000 });
      inWork += 1;
      // 'close' is emitted once for every request: answered, refused or abandoned by its client.
      reply.raw.once('close', () => {
        inWork -= 1;
      });
    },
    handler: async (request, reply) => {
      const { unit, top, alpha } = request.query;
      const { explanations } = state;
      if (!Buffer.isBuffer(request.body) || request.body.length === 0) {
        throw new Problem(400, 'Expected a picture as the body.');
      }
      if (unit >= explanations.units) {
        throw new Problem(400, `Expected a unit from 0 to ${explanations.units - 1}, received ${unit}.`);
      }
      const { explained, classes, overlay } = await explanations.explain(request.body, {
        unit,
        top,
        alpha,
        // Behind a proxy, use the proxy's header with the client's address, or better the id of the user.
        client: request.ip,
        signal: whileConnected(reply.raw),
        timeout: options.timeoutMs,
      });
      if (!wantsPng(request.headers.accept))
        return { explained, classes, overlay: overlay.toString('base64') };
      return reply
        .type('image/png')
        .header('x-explained-unit', explained.unit)
        .header('x-explained-score', explained.score)
        .header('x-explained-label', encodeURIComponent(explained.label))
        .send(overlay);
    },
  });
  return app;
}

/** Describes an invalid query, such as `?top=0`. */
function describeMisuse({ instancePath, message, params }) {
  const name = params.additionalProperty ?? instancePath.slice(1);
  const problem =
    params.additionalProperty === undefined
      ? message
      : `is none of ${Object.keys(QUERY.properties).join(', ')}`;
  return `The query's "${name}" ${problem}.`;
}

/** Returns a signal that is aborted if the client disconnects before the answer is sent. */
function whileConnected(response) {
  const controller = new AbortController();
  const gone = () => {
    if (!response.writableFinished) controller.abort();
  };
  if (response.destroyed) gone();
  else response.once('close', gone);
  return controller.signal;
}

/** Returns whether the client accepts only a picture. Otherwise the answer is JSON. */
function wantsPng(accept = '') {
  return /image\/(png|\*)/.test(accept) && !/application\/(json|\*)/.test(accept);
}

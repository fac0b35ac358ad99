/** What a worker tells the process that started it, over the channel that Node gives child processes. */
export type WorkerMessage = { readonly ready: string } | { readonly failed: string; readonly code: string };

/** The code of a failure that another port mends. */
export const PORT_IN_USE = 'ALREADY_EXISTS';

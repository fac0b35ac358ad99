/**
 * Returns the results of `work` for every item, in order. At most `limit` calls are in flight. After the first failure
 * no further call begins.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const queue = items.entries();
  let failed = false;
  const lane = async () => {
    for (const [i, item] of queue) {
      if (failed) return;
      try {
        results[i] = await work(item, i);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}

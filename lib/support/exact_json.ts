/**
 * JSON in which every number is told from every other one: NaN and the infinities, which JSON writes as null, and -0,
 * which JSON writes as 0, become `{"number":"NaN"}` and the like. For keys: `JSON.parse` does not give these numbers
 * back.
 */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each !== 'number') return each;
    if (Object.is(each, -0)) return { number: '-0' };
    return Number.isFinite(each) ? each : { number: String(each) };
  });
}

/** What rows feed: the same values in every peer, of no meaning. */
export function noiseOf(data) {
  for (let i = 0; i < data.length; i++) data[i] = Math.sin(i) * 2;
  return data;
}

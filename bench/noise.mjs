/** Fills `data` with the input values of rows. The values have no meaning and are the same in every peer. */
export function noiseOf(data) {
  for (let i = 0; i < data.length; i++) data[i] = Math.sin(i) * 2;
  return data;
}

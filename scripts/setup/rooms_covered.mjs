/** Adds up the coverage of files by rooms. A room is a folder below native/ or lib/. */

/**
 * Returns the coverage of each room of `half` and of `total`, from `[{ file, covered, total }]` relative to the root.
 */
export function byRoom(half, files) {
  const rooms = { total: { covered: 0, total: 0 } };
  for (const { file, covered, total } of files) {
    const [top, room, ...below] = file.split(/[\\/]/);
    // A file with only exports and types has no lines to execute.
    if (top !== half || total === 0) continue;
    const name = below.length > 0 ? `${room}/` : room;
    rooms[name] ??= { covered: 0, total: 0 };
    for (const sum of [rooms[name], rooms.total]) {
      sum.covered += covered;
      sum.total += total;
    }
  }
  return rooms;
}

const percent = ({ covered, total }) => `${Math.floor((1000 * covered) / total) / 10} %`;

/** Returns a Markdown table of `{ native, lib }`. Each half lists its rooms by name, and the total of the half last. */
export function table(halves) {
  const rows = Object.entries(halves).flatMap(([half, rooms]) =>
    Object.entries(rooms)
      .sort(([a], [b]) => Number(a === 'total') - Number(b === 'total') || (a < b ? -1 : 1))
      .map(([name, sum]) => {
        const shown = name === 'total' ? `**${half}**` : `${half}/${name}`;
        return `| ${shown} | ${sum.covered} of ${sum.total} | ${percent(sum)} |`;
      }),
  );
  return ['| room | lines covered | |', '|---|---|---|', ...rows].join('\n');
}

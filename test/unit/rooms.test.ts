/** Rooms use each other one way: docs/architecture.md draws the arrows, this keeps them from closing a circle. */
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The folder below `half` that a file lies in; a file at its top is a room of its own. */
const roomOf = (path: string) => (path.split('/')[1] as string).replace(/\.\w+$/, '');

/** Which rooms each room uses, with a file that does. */
function uses(pattern: string, targetsOf: (path: string, text: string) => string[]) {
  const rooms = new Map<string, Map<string, string>>();
  for (const path of globSync(pattern, { cwd: ROOT })) {
    const own = rooms.get(roomOf(path)) ?? new Map<string, string>();
    rooms.set(roomOf(path), own);
    for (const target of targetsOf(path, readFileSync(join(ROOT, path), 'utf8'))) {
      if (roomOf(target) !== roomOf(path)) own.set(roomOf(target), path);
    }
  }
  return rooms;
}

/** A circle of rooms, each with the file that uses the next; null where there is none. */
function circleIn(rooms: Map<string, Map<string, string>>): string[] | null {
  const finished = new Set<string>();
  const visit = (room: string, way: string[]): string[] | null => {
    if (way.includes(room)) return [...way.slice(way.indexOf(room)), room];
    if (finished.has(room)) return null;
    for (const next of rooms.get(room)?.keys() ?? []) {
      const circle = visit(next, [...way, room]);
      if (circle !== null) return circle;
    }
    finished.add(room);
    return null;
  };
  for (const room of rooms.keys()) {
    const circle = visit(room, []);
    if (circle !== null) {
      return circle.slice(1).map((next, i) => `${rooms.get(circle[i] as string)?.get(next)} uses ${next}`);
    }
  }
  return null;
}

describe('rooms use each other one way', () => {
  test('in lib', () => {
    const rooms = uses('lib/**/*.{ts,js}', (path, text) =>
      [...text.matchAll(/(?:from|import\(|import) '(\.[^']+)'/g)].map(([, target]) =>
        posix.normalize(posix.join(posix.dirname(path), target as string)),
      ),
    );
    expect(rooms.get('engine')?.has('graph')).toBe(true);
    expect(circleIn(rooms)).toBeNull();
  });

  test('in native', () => {
    const rooms = uses('native/**/*.{h,cc}', (_, text) =>
      [...text.matchAll(/#include "(\w+\/[\w./]+)"/g)].map(([, target]) => `native/${target}`),
    );
    expect(rooms.get('runtime')?.has('tensorflow')).toBe(true);
    expect(circleIn(rooms)).toBeNull();
  });

  test('a circle would be found', () => {
    const file = (room: string) => new Map([[room, `lib/${room}/x.ts`]]);
    expect(
      circleIn(
        new Map([
          ['a', file('b')],
          ['b', file('c')],
          ['c', file('b')],
        ]),
      ),
    ).toHaveLength(2);
  });
});

test('protozero is included without its assertions', () => {
  const sources = globSync(['native/**/*.{h,cc}', 'test/{native,fuzz}/**/*.{h,cc}'], { cwd: ROOT });
  const direct = sources.filter((path) =>
    readFileSync(join(ROOT, path), 'utf8').includes('#include <protozero/'),
  );
  expect(direct).toEqual(['native/tensorflow/protozero.h']);
});

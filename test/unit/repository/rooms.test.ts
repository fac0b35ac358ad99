/** Rooms use each other one way: docs/architecture.md draws the arrows, this keeps them from closing a circle. */
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

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

/**
 * The order of the rooms as docs/architecture.md draws it: a room may use those before it. Rooms in braces stand apart.
 */
function drawnOrder(half: 'native' | 'lib'): Map<string, number> {
  const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
  const drawing = new RegExp(`\\n${half}/ ((?:.+\\n)+)`).exec(page)?.[1] as string;
  const order = drawing.split('←').map((place) => place.match(/\w+/g) as string[]);
  return new Map(order.flatMap((place, i) => place.map((room) => [room, i] as const)));
}

/** Arrows that point the wrong way, as 'file uses room'. */
function upwards(rooms: Map<string, Map<string, string>>, order: Map<string, number>): string[] {
  const place = (room: string) => order.get(room) ?? -1;
  return [...rooms].flatMap(([room, used]) =>
    [...used].filter(([other]) => place(other) > place(room)).map(([other, file]) => `${file} uses ${other}`),
  );
}

const libRooms = () =>
  uses('lib/**/*.{ts,js}', (path, text) =>
    [...text.matchAll(/(?:from|import\(|import) '(\.[^']+)'/g)].map(([, target]) =>
      posix.normalize(posix.join(posix.dirname(path), target as string)),
    ),
  );

const nativeRooms = () =>
  uses('native/**/*.{h,cc}', (_, text) =>
    [...text.matchAll(/#include "(\w+\/[\w./]+)"/g)].map(([, target]) => `native/${target}`),
  );

describe('rooms use each other one way', () => {
  test('in lib', () => {
    const rooms = libRooms();
    rooms.delete('index');
    const order = drawnOrder('lib');
    expect([...rooms.keys()].sort()).toEqual([...order.keys()].sort());
    expect(rooms.get('engine')?.has('graph')).toBe(true);
    expect(circleIn(rooms)).toBeNull();
    expect(upwards(rooms, order)).toEqual([]);
  });

  test('in native', () => {
    const rooms = nativeRooms();
    const order = drawnOrder('native');
    expect([...rooms.keys()].sort()).toEqual([...order.keys()].sort());
    expect(rooms.get('runtime')?.has('tensorflow')).toBe(true);
    expect(circleIn(rooms)).toBeNull();
    expect(upwards(rooms, order)).toEqual([]);
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

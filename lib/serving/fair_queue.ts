/**
 * Which calls go next: those of one group together, clients in turn, no group and no client for ever behind another.
 */

/** What the queue has to know of a call. */
export interface Queued {
  /** Who called: clients take turns. */
  readonly client: unknown;
  /** Only calls of one group can be sent together. */
  readonly group: string;
  /** When it came, on a clock that never goes back. */
  readonly arrived: number;
}

/** A call that waits and its turn: within a client's calls 1, 2, 3, ... from the turn that it was when they came. */
interface Place<Call> {
  readonly call: Call;
  /** Grows with each call that comes. */
  readonly order: number;
  turn: number;
}

/** The calls of one client that wait, in the order in which they came. */
interface Lane<Call> {
  /** The turn of the last call that came. */
  last: number;
  readonly places: Set<Place<Call>>;
}

/** The calls that may be sent together. */
export interface Group {
  readonly size: number;
  /** When the one came that waits longest. */
  readonly oldest: number;
}

/**
 * Start-time fair queueing. The n-th waiting call of every client has the n-th turn from now on, and the lowest turn
 * goes first, the older call where turns are equal: so a client's first call comes after at most one call of each other
 * client, however many these have. With a single client that is the order of arrival, over all groups. Turns only grow,
 * so that every call is once the lowest: none starves.
 */
export class FairQueue<Call extends Queued> {
  readonly #places = new Map<Call, Place<Call>>();
  readonly #groups = new Map<string, Set<Place<Call>>>();
  readonly #lanes = new Map<unknown, Lane<Call>>();
  /** The lowest turn when calls were last taken. */
  #now = 0;
  #order = 0;

  get size(): number {
    return this.#places.size;
  }

  /** Clients that are remembered: those with calls that wait, and a few more. */
  get clients(): number {
    return this.#lanes.size;
  }

  *groups(): Generator<Group> {
    for (const places of this.#groups.values()) yield sizeAndAge(places);
  }

  push(call: Call): void {
    let lane = this.#lanes.get(call.client);
    if (lane === undefined) {
      lane = { last: 0, places: new Set() };
      this.#lanes.set(call.client, lane);
    }
    lane.last = Math.max(lane.last, this.#now) + 1;
    const place = { call, order: this.#order++, turn: lane.last };
    lane.places.add(place);
    this.#places.set(call, place);
    const group = this.#groups.get(call.group);
    if (group === undefined) this.#groups.set(call.group, new Set([place]));
    else group.add(place);
  }

  /** Takes a call out that nobody waits for any more; those behind it in its client's lane move up. */
  remove(call: Call): boolean {
    const place = this.#places.get(call);
    if (place === undefined) return false;
    const lane = this.#lanes.get(call.client) as Lane<Call>;
    for (const other of lane.places) {
      if (other.turn > place.turn) other.turn -= 1;
    }
    lane.last -= 1;
    this.#drop(place);
    this.#forgetLanes();
    return true;
  }

  /** Takes the next calls, at most `most`, all of one of the groups that `ready` lets go; none where there is none. */
  take(most: number, ready: (group: Group) => boolean): Call[] {
    let first: Place<Call> | undefined;
    for (const places of this.#groups.values()) {
      if (!ready(sizeAndAge(places))) continue;
      for (const place of places) {
        if (first === undefined || before(place, first)) first = place;
      }
    }
    if (first === undefined) return [];
    this.#now = Math.max(this.#now, first.turn);
    const taken = lowest(this.#groups.get(first.call.group) as Set<Place<Call>>, most);
    for (const place of taken) this.#drop(place);
    this.#forgetLanes();
    return taken.map(({ call }) => call);
  }

  #drop(place: Place<Call>): void {
    const { call } = place;
    this.#places.delete(call);
    this.#lanes.get(call.client)?.places.delete(place);
    const group = this.#groups.get(call.group);
    group?.delete(place);
    if (group?.size === 0) this.#groups.delete(call.group);
  }

  /** Forgets clients without waiting calls: at most a few more lanes are kept than calls wait. */
  #forgetLanes(): void {
    if (this.#lanes.size <= 2 * this.#places.size + 16 && this.#places.size > 0) return;
    for (const [client, { last, places }] of this.#lanes) {
      // Turns that lie ahead have been taken early, to fill a batch: they still count.
      if (places.size === 0 && (last <= this.#now || this.#places.size === 0)) this.#lanes.delete(client);
    }
  }
}

function sizeAndAge<Call extends Queued>(places: Set<Place<Call>>): Group {
  const [oldest] = places;
  return { size: places.size, oldest: oldest?.call.arrived ?? 0 };
}

function before(a: Place<unknown>, b: Place<unknown>): boolean {
  return a.turn < b.turn || (a.turn === b.turn && a.order < b.order);
}

/** The `most` lowest, in their order. One pass: `most` is small, and many may wait. */
function lowest<Call>(places: Iterable<Place<Call>>, most: number): Place<Call>[] {
  const chosen: Place<Call>[] = [];
  for (const place of places) {
    const last = chosen.at(-1);
    if (chosen.length >= most && last !== undefined && !before(place, last)) continue;
    let at = chosen.length;
    while (at > 0 && before(place, chosen[at - 1] as Place<Call>)) at -= 1;
    chosen.splice(at, 0, place);
    if (chosen.length > most) chosen.pop();
  }
  return chosen;
}

/**
 * Determines the order of calls. Calls of one group are sent together. Clients take turns. No group and no client
 * starves.
 */

/** The properties of a call that the queue needs. */
export interface Queued {
  /** The client of the call. Clients take turns. */
  readonly client: unknown;
  /** Only calls of one group can be sent together. */
  readonly group: string;
  /** The time of arrival on a monotonic clock. */
  readonly arrived: number;
}

/** A waiting call and its turn. The calls of one client have successive turns from the turn at their arrival. */
interface Place<Call> {
  readonly call: Call;
  /** The position in the order of arrival, over all clients. */
  readonly order: number;
  turn: number;
}

/** The waiting calls of one client in the order of arrival. */
interface Lane<Call> {
  /** The turn of the last call that arrived. */
  last: number;
  readonly places: Set<Place<Call>>;
}

/** The calls that can be sent together. */
export interface Group {
  readonly size: number;
  /** The time of arrival of the call that has waited longest. */
  readonly oldest: number;
}

/**
 * Start-time fair queueing. The n-th waiting call of every client has the n-th turn from now. The call with the lowest
 * turn is sent first. If turns are equal, the older call is sent first. The first call of a client therefore follows at
 * most one call of each other client, regardless of how many calls these have. With a single client, the order is the
 * order of arrival over all groups. Turns only grow, so every call has the lowest turn eventually and none starves.
 */
export class FairQueue<Call extends Queued> {
  readonly #places = new Map<Call, Place<Call>>();
  readonly #groups = new Map<string, Set<Place<Call>>>();
  readonly #lanes = new Map<unknown, Lane<Call>>();
  /** The lowest turn at the last `take`. */
  #now = 0;
  #order = 0;

  get size(): number {
    return this.#places.size;
  }

  /** The number of clients that have a lane: those with waiting calls, and a few others. */
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

  /** Removes a settled call. Later calls of the same client move up by one turn. Returns whether the call waited. */
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

  /** Takes at most `most` calls of one group that `ready` accepts, in order. Returns no calls if no group is ready. */
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

  /** Drops lanes of clients without waiting calls once there are many more lanes than waiting calls. */
  #forgetLanes(): void {
    if (this.#lanes.size <= 2 * this.#places.size + 16 && this.#places.size > 0) return;
    for (const [client, { last, places }] of this.#lanes) {
      // A lane whose last turn is ahead stays: its calls were taken early to fill a batch, and these turns still count.
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

/** Returns the `most` lowest places in order. A single pass, because `most` is small and many calls may wait. */
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

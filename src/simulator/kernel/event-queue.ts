/**
 * The event queue: a binary heap in typed arrays, keyed (time, priority, sequence). Sequence is the order of insertion, so equal
 * keys leave in the order they came and a run is the same every time. An event is two integers, never a closure.
 */

/**
 * What goes first among events of one moment.
 * `retire`: engines and transfers that end, so that everything that is free at t is free before anything at t reacts;
 * `signal`: semaphores rise; `barrier`: last, when all else of the moment is known.
 */
export const priority = { retire: 0, signal: 1, barrier: 2 } as const;

export interface EventQueue {
  readonly size: number;
  push(time: number, priority: number, kind: number, subject: number): void;
  /** Removes the first event; its fields are then `time`, `kind` and `subject`. False when there is none. */
  pop(): boolean;
  readonly time: number;
  readonly kind: number;
  readonly subject: number;
}

/** 2^44 events of each priority before keys run out. */
const prioritySpan = 2 ** 44;

export function createEventQueue(): EventQueue {
  let times = new Float64Array(64);
  let keys = new Float64Array(64);
  let kinds = new Uint8Array(64);
  let subjects = new Int32Array(64);
  let size = 0;
  let sequence = 0;
  let outTime = 0;
  let outKind = 0;
  let outSubject = 0;

  const grow = (): void => {
    const length = times.length * 2;
    times = copyInto(new Float64Array(length), times);
    keys = copyInto(new Float64Array(length), keys);
    kinds = copyInto(new Uint8Array(length), kinds);
    subjects = copyInto(new Int32Array(length), subjects);
  };

  /** Whether the event at `i` goes before (time, key). */
  const before = (i: number, time: number, key: number): boolean => {
    const t = times[i] ?? 0;
    return t < time || (t === time && (keys[i] ?? 0) < key);
  };
  const move = (from: number, to: number): void => {
    times[to] = times[from] ?? 0;
    keys[to] = keys[from] ?? 0;
    kinds[to] = kinds[from] ?? 0;
    subjects[to] = subjects[from] ?? 0;
  };
  const place = (at: number, time: number, key: number, kind: number, subject: number): void => {
    times[at] = time;
    keys[at] = key;
    kinds[at] = kind;
    subjects[at] = subject;
  };

  return {
    get size() {
      return size;
    },
    get time() {
      return outTime;
    },
    get kind() {
      return outKind;
    },
    get subject() {
      return outSubject;
    },
    push(time, rank, kind, subject) {
      if (size === times.length) grow();
      const key = rank * prioritySpan + sequence++;
      let hole = size++;
      while (hole > 0) {
        const parent = (hole - 1) >> 1;
        if (before(parent, time, key)) break;
        move(parent, hole);
        hole = parent;
      }
      place(hole, time, key, kind, subject);
    },
    pop() {
      if (size === 0) return false;
      outTime = times[0] ?? 0;
      outKind = kinds[0] ?? 0;
      outSubject = subjects[0] ?? 0;
      size--;
      const time = times[size] ?? 0;
      const key = keys[size] ?? 0;
      const kind = kinds[size] ?? 0;
      const subject = subjects[size] ?? 0;
      let hole = 0;
      for (;;) {
        let child = 2 * hole + 1;
        if (child >= size) break;
        if (child + 1 < size && before(child + 1, times[child] ?? 0, keys[child] ?? 0)) child++;
        if (!before(child, time, key)) break;
        move(child, hole);
        hole = child;
      }
      if (size > 0) place(hole, time, key, kind, subject);
      return true;
    },
  };
}

function copyInto<A extends { set(source: A): void }>(to: A, from: A): A {
  to.set(from);
  return to;
}

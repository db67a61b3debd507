/**
 * How transfers that use one memory at the same time share it. Work is measured in picoseconds of the whole memory
 * (`bytes moved / bandwidth of the direction`), so reads and writes of different rates share one bus.
 *
 * A stream has a *cap*: the fraction of the memory its own engine can use at most (a DMA that moves half as fast as the memory
 * has cap 0.5). `bandwidth` is processor sharing with caps (max-min fair): n streams get 1/n each, and what a capped stream
 * cannot use goes to the others, so that work is conserved. `fixed` gives every stream its cap, whatever the others do.
 *
 * Worked example (bandwidth, caps 1): A with 1000 ps of work joins at 0, B with 1000 ps at 500. A has 500 left at 500, both run
 * at 1/2, A ends at 1500; B then has 500 left alone and ends at 2000.
 *
 * Approximations: no bank conflicts, no read-write turnaround; a stream's pace is steady within a transfer.
 */
import type { Memory } from '../../hw-configs/machine.ts';
import { add, int, real } from '../kernel/columns.ts';

export interface Bus {
  /** Starts a stream of `work` > 0 ps for queue `queue`, which has none here. */
  join(queue: number, work: number, cap: number, now: number): void;
  /** When the next stream ends if nothing changes; Infinity when idle. */
  readonly next: number;
  /** Ends what is done at `now` and returns the queues, in order of joining. */
  finish(now: number): readonly number[];
  /** How many streams are active. */
  readonly active: number;
}

/** Work below this is rounding of the shares, not bytes: a thousandth of a picosecond. */
const tolerancePs = 1e-3;

export function createBus(model: Memory['model'], queueCount: number): Bus {
  const assignShares = model === 'bandwidth' ? shareFairly : shareFreely;
  const streams: Streams = {
    queue: new Int32Array(queueCount),
    left: new Float64Array(queueCount),
    cap: new Float64Array(queueCount),
    share: new Float64Array(queueCount),
    count: 0,
  };
  let lastTime = 0;
  let next = Infinity;

  const progressTo = (now: number): void => {
    const elapsed = now - lastTime;
    if (elapsed > 0) for (let i = 0; i < streams.count; i++) add(streams.left, i, -elapsed * real(streams.share, i));
    lastTime = now;
  };
  const replan = (now: number): void => {
    assignShares(streams);
    next = Infinity;
    for (let i = 0; i < streams.count; i++) {
      const wait = Math.max(0, Math.ceil(real(streams.left, i) / real(streams.share, i) - tolerancePs));
      if (now + wait < next) next = now + wait;
    }
  };

  return {
    get next() {
      return next;
    },
    get active() {
      return streams.count;
    },
    join(queue, work, cap, now) {
      progressTo(now);
      const i = streams.count++;
      streams.queue[i] = queue;
      streams.left[i] = work;
      streams.cap[i] = cap;
      replan(now);
    },
    finish(now) {
      progressTo(now);
      const done: number[] = [];
      let kept = 0;
      let slowed = 0;
      let spare = 0;
      for (let i = 0; i < streams.count; i++) {
        if (real(streams.left, i) <= tolerancePs) {
          done.push(int(streams.queue, i));
          spare -= real(streams.left, i);
        } else {
          if (real(streams.share, i) < real(streams.cap, i)) slowed++;
          streams.queue[kept] = int(streams.queue, i);
          streams.left[kept] = real(streams.left, i);
          streams.cap[kept] = real(streams.cap, i);
          streams.share[kept] = real(streams.share, i);
          kept++;
        }
      }
      streams.count = kept;
      // Ends are rounded up to whole picoseconds. What the ended streams held beyond their work goes to those they slowed down, so that
      // rounding loses no bandwidth.
      for (let i = 0; i < kept; i++) if (real(streams.share, i) < real(streams.cap, i)) add(streams.left, i, -spare / slowed);
      replan(now);
      return done;
    },
  };
}

interface Streams {
  readonly queue: Int32Array;
  /** Work still to do, ps of the whole memory. */
  readonly left: Float64Array;
  readonly cap: Float64Array;
  /** Fraction of the memory at present. */
  readonly share: Float64Array;
  count: number;
}

function shareFreely(streams: Streams): void {
  for (let i = 0; i < streams.count; i++) streams.share[i] = real(streams.cap, i);
}

/** Max-min fairness: repeatedly, every stream whose cap is below an equal part takes its cap and leaves the rest to the others. */
function shareFairly(streams: Streams): void {
  streams.share.fill(0, 0, streams.count);
  let capacity = 1;
  let open = streams.count;
  for (let settled = true; settled && open > 0;) {
    settled = false;
    const part = capacity / open;
    for (let i = 0; i < streams.count; i++) {
      if (real(streams.share, i) === 0 && real(streams.cap, i) <= part) {
        streams.share[i] = real(streams.cap, i);
        capacity -= real(streams.cap, i);
        open--;
        settled = true;
      }
    }
  }
  for (let i = 0; i < streams.count; i++) if (real(streams.share, i) === 0) streams.share[i] = capacity / open;
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEventQueue, priority } from '../../../src/simulator/kernel/event-queue.ts';

test('events leave by time, then priority, then in the order they came', () => {
  const anyEvent = fc.tuple(fc.nat(20), fc.constantFrom(...Object.values(priority)));
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 200 }), (pushed) => {
      const queue = createEventQueue();
      pushed.forEach(([time, rank], i) => queue.push(time, rank, 1, i));
      const popped: number[] = [];
      while (queue.pop()) popped.push(queue.subject);
      const expected = pushed.map(([time, rank], i) => ({ time, rank, i })).sort((a, b) => a.time - b.time || a.rank - b.rank || a.i - b.i);
      expect(popped).toEqual(expected.map((e) => e.i));
    }),
  );
});

test('pushing while popping keeps the order', () => {
  const queue = createEventQueue();
  queue.push(5, priority.signal, 1, 1);
  queue.push(5, priority.retire, 1, 2);
  expect(queue.pop() && queue.subject).toBe(2);
  queue.push(5, priority.retire, 1, 3);
  expect(queue.pop() && queue.subject).toBe(3);
  expect(queue.pop() && queue.subject).toBe(1);
  expect(queue.pop()).toBe(false);
});

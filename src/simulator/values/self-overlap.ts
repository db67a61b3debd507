/**
 * Commands that write over their own operands. An engine reads and writes as it goes: where an output shares bytes with an input, whether
 * an element is read before or after it is written over is up to the machine. Element for element in place is fine: there the very bytes
 * that were read are written.
 */
import { bytesPerElement } from '../../core/index.ts';
import type { Command, Ref } from '../../isa/command.ts';
import type { Access } from './access.ts';
import { eachRun } from './follow.ts';
import { span } from './memory.ts';

export interface SelfOverlap {
  readonly written: string;
  /** The other operand: one that is read, or another that is written. */
  readonly other: string;
  readonly otherIsWritten: boolean;
  /** Of the region or window both lie in. */
  readonly first: number;
  readonly last: number;
}

/** The first pair of operands that meet; null for nearly all commands. The host works on copies: it is never at fault. */
export function selfOverlap(command: Command, accesses: readonly Access[]): SelfOverlap | null {
  if (command.op === 'HOST') return null;
  for (const [i, output] of accesses.entries()) {
    if (!output.writes) continue;
    for (const [j, other] of accesses.entries()) {
      // A sum that is read back is one operand; two outputs are looked at once.
      if (i === j || other.operand === output.operand || (other.writes && j > i)) continue;
      if (mayMeet(command, output, other)) continue;
      const bytes = shared(output.touched, other.touched);
      if (bytes !== null) return { written: output.operand, other: other.operand, otherIsWritten: other.writes, ...bytes };
    }
  }
  return null;
}

/** In place, element for element; or a result put where its own sums were. */
function mayMeet(command: Command, a: Access, b: Access): boolean {
  if (command.op === 'VECTOR' || command.op === 'LOAD' || command.op === 'STORE' || command.op === 'COPY') return sameBytes(a.ref, b.ref);
  return a.operand === 'out' && b.operand === 'acc' && sameBytes(a.ref, b.ref);
}

function sameBytes(a: Ref, b: Ref): boolean {
  return (
    a.space === b.space &&
    a.region === b.region &&
    a.offset === b.offset &&
    bytesPerElement(a.dtype) === bytesPerElement(b.dtype) &&
    a.extents.length === b.extents.length &&
    a.extents.every((extent, i) => extent === b.extents[i] && (extent === 1 || a.strides[i] === b.strides[i])) &&
    a.ring?.base === b.ring?.base &&
    a.ring?.bytes === b.ring?.bytes
  );
}

/** Bytes both touch; null where there are none. */
function shared(a: Ref, b: Ref): { readonly first: number; readonly last: number } | null {
  if (a.space !== b.space || a.region !== b.region) return null;
  const [from, to] = span(a);
  const [otherFrom, otherTo] = span(b);
  const start = Math.max(from, otherFrom);
  const end = Math.min(to, otherTo);
  if (start >= end) return null;
  // Strided tiles may lie between each other.
  const touched = new Uint8Array(end - start);
  eachRun(a, (run) => touched.fill(1, Math.max(0, run.from - start), Math.max(0, run.to - start)));
  let [first, last] = [-1, -1];
  eachRun(b, (run) => {
    for (let at = Math.max(0, run.from - start); at < Math.min(touched.length, run.to - start); at++) {
      if (touched[at] === 0) continue;
      if (first < 0 || at < first) first = at;
      last = Math.max(last, at);
    }
  });
  return first < 0 ? null : { first: start + first, last: start + last };
}

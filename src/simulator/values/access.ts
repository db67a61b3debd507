/** Which bytes a command reads and writes, operand by operand: what the memory binder sizes, the executor checks and the sanitizer follows. */
import { assertNever, bitsOf } from '../../core/index.ts';
import type { Command, ConvCommand, MatmulCommand, MoveCommand, PoolCommand, Ref } from '../../isa/command.ts';
import { isScatter } from '../../isa/index.ts';

export interface Access {
  /** Name of the operand in messages. */
  readonly operand: string;
  /** As the command has it. */
  readonly given: Ref;
  /** The whole reference, packed elements as bytes: must lie inside its region or window. */
  readonly ref: Ref;
  /** The part that is really read or written: rows and columns no tap reaches are left out. */
  readonly touched: Ref;
  readonly reads: boolean;
  readonly writes: boolean;
}

const read = (operand: string, given: Ref, touched: Ref = inBytes(given)): Access => ({
  operand,
  given,
  ref: inBytes(given),
  touched,
  reads: true,
  writes: false,
});
const write = (operand: string, ref: Ref): Access => ({ operand, given: ref, ref, touched: ref, reads: false, writes: true });
const update = (operand: string, ref: Ref): Access => ({ operand, given: ref, ref, touched: ref, reads: true, writes: true });

/** The accesses of a command, in the order they happen: reads before writes of the same operand. Synchronisation has none. */
export function accessesOf(command: Command): readonly Access[] {
  switch (command.op) {
    case 'CONV':
    case 'DWCONV': {
      const [, , kh = 1, kw = 1] = command.w.extents;
      return contraction(command, tapsOf(command.x, command.acc, { ...command, kernel: [kh, kw] }));
    }
    case 'MATMUL':
      return contraction(command, command.x);
    case 'POOL':
      return [read('x', command.x, tapsOf(command.x, command.out, command)), write('out', command.out)];
    case 'VECTOR':
    case 'HOST':
      return [
        ...command.inputs.map((ref, i) => read(`inputs[${i}]`, ref)),
        ...command.outputs.map((ref, i) => write(`outputs[${i}]`, ref)),
      ];
    case 'REDUCE':
      return [read('x', command.x), (command.mode === 'accumulate' ? update : write)('acc', command.acc)];
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      return moved(command);
    case 'SIGNAL':
    case 'WAIT':
    case 'BARRIER':
    case 'REPEAT':
      return [];
    default:
      return assertNever(command);
  }
}

/** A gather may read, a scatter may write anywhere along the axis it looks up; what a scatter does not write stays as it was. */
function moved(c: MoveCommand): readonly Access[] {
  if (c.index === undefined) return [read('src', c.src), write('dst', c.dst)];
  return [read('src', c.src), read('index', c.index), (isScatter(c) ? update : write)('dst', c.dst)];
}

function contraction(c: ConvCommand | MatmulCommand, x: Ref): readonly Access[] {
  const list = [read('x', c.x, x), read('w', c.w)];
  list.push(c.mode === 'accumulate' ? update('acc', c.acc) : write('acc', c.acc));
  if (c.drain === null) return list;
  // The drain reads the sums back, so that nobody takes them for work nobody used.
  list.push(read('acc', c.acc));
  if (c.drain.bias !== null) list.push(read('bias', c.drain.bias));
  if (c.drain.multiplier !== null) list.push(read('multiplier', c.drain.multiplier));
  list.push(write('out', c.drain.out));
  return list;
}

/** Packed elements as the bytes between the first and the last of them: strides count elements, the offset bytes. */
export function inBytes(ref: Ref): Ref {
  const bits = bitsOf(ref.dtype);
  if (bits >= 8) return ref;
  let [first, last] = [0, 0];
  for (const [axis, extent] of ref.extents.entries()) {
    const reach = (extent - 1) * (ref.strides[axis] ?? 0);
    if (reach > 0) last += reach;
    else first += reach;
  }
  const from = Math.floor((first * bits) / 8);
  const empty = ref.extents.includes(0);
  const bytes = empty ? 0 : Math.ceil(((last + 1) * bits) / 8) - from;
  return { ...ref, dtype: 'uint8', offset: ref.offset + from, extents: [bytes], strides: [1] };
}

/** The rows and columns of a [N, C, H, W] tile between the first and the last tap of a window operator. */
function tapsOf(x: Ref, out: Ref, window: Pick<PoolCommand, 'kernel' | 'strides' | 'dilations' | 'padTop' | 'padLeft'>): Ref {
  const span = (axis: 0 | 1, before: number): readonly [number, number] => {
    const size = x.extents[axis + 2] ?? 1;
    const last = ((out.extents[axis + 2] ?? 1) - 1) * window.strides[axis] + (window.kernel[axis] - 1) * window.dilations[axis] - before;
    const from = Math.min(size, Math.max(0, -before));
    return [from, Math.max(from, Math.min(size, last + 1))];
  };
  const [top, bottom] = span(0, window.padTop);
  const [left, right] = span(1, window.padLeft);
  const [n = 1, c = 1, h = 1, w = 1] = x.extents;
  if (top === 0 && left === 0 && bottom === h && right === w) return x;
  const offset = x.offset + top * (x.strides[2] ?? 0) + left * (x.strides[3] ?? 0);
  return { ...x, offset, extents: [n, c, bottom - top, right - left] };
}

/** POOL by the kernels of wasm/: largest or sum over the taps of a padded plane, in the order of pool.ts. */
import { elementCount, isEngineFloat } from '../../core/index.ts';
import type { PoolCommand } from '../../isa/command.ts';
import type { Context } from './context.ts';
import { isShort, rawBytes, readUnits } from './fast-operands.ts';
import { offsetsOf, paddedOf, phasesOf, type Window } from './fast-window.ts';
import { finishPool } from './pool.ts';
import type { Kernels } from './wasm/kernels.ts';

/** Sums of so many 16-bit numbers stay within int32. */
const mostTaps = 16384;

/** False, and nothing done, where the kernels do not fit the command. */
export function fastPool(cx: Context, kernels: Kernels, c: PoolCommand): boolean {
  const [n = 1, channels = 1, h = 1, w = 1] = c.x.extents;
  const [, , oh = 1, ow = 1] = c.out.extents;
  const float = isEngineFloat(c.x.dtype);
  const max = c.kind === 'max';
  const taps = c.kernel[0] * c.kernel[1];
  const zero = max ? 0 : c.xZero;
  if ((!float && !isShort(c.x, zero)) || taps > mostTaps || elementCount(c.out.extents) === 0) return false;
  const window: Window = { ...c, input: [h, w], output: [oh, ow] };
  const padded = paddedOf(window);
  const units = padded.rows * padded.rowStep;
  const count = elementCount(c.out.extents);
  const areas = kernels.room([
    rawBytes(c.x),
    elementCount(c.x.extents) * 4,
    units * 4,
    taps * 4,
    taps * 4,
    c.strides[1] * 12,
    256,
    count * 4,
  ]);
  if (areas === null) return false;
  const [raw = 0, xs = 0, plane = 0, offsets = 0, ones = 0, table = 0, spare = 0, results = 0] = areas;
  readUnits(cx, kernels, c.x, zero, raw, xs);
  const buffer = kernels.buffer();
  const View = float ? Float32Array : Int32Array;
  new Int32Array(buffer, offsets, taps).set(offsetsOf(window, padded, 1));
  new Int32Array(buffer, table, c.strides[1] * 3).set(phasesOf(window, padded));
  new View(buffer, ones, taps).fill(1);
  // What a tap on padding adds nothing to: every plane leaves it as it is.
  const neutral = max ? (float ? -Infinity : -2147483648) : 0;
  new View(buffer, plane, units).fill(neutral);
  new View(buffer, results, count).fill(neutral);

  const { run } = kernels;
  const fold = max ? (float ? run.tapsMaxFloats : run.tapsMaxInts) : float ? run.tapsFloats : run.tapsInts;
  for (let i = 0; i < n * channels; i++) {
    run.pad(xs + i * h * w * 4, h, w, plane, padded.rowStep * 4, padded.rows, c.padTop, c.strides[1], table);
    fold(plane, offsets, ones, taps, results + i * oh * ow * 4, ow, oh, c.strides[0] * padded.rowStep * 4, spare);
  }
  const found = new Float64Array(cx.scratch('pool', count * 8), 0, count);
  found.set(new View(buffer, results, count));
  finishPool(cx, c, found);
  return true;
}

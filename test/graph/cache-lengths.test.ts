/** Numbers that fit a full cache: what inputs that tell lengths must hold. */
import { expect, test } from 'vitest';
import { fullCaches, parseGraph } from '../../src/graph/index.ts';

/** GroupQueryAttention with a past of 8 entries and 4 new tokens; `lines` make %lengths and %total. */
function fullOf(inputs: string, lines: string): Readonly<Record<string, number>> {
  const graph = parseGraph(`graph "cache" opset 17 {
  input %q: float32[1, 4, 8]
  input %k: float32[1, 4, 4]
  input %v: float32[1, 4, 4]
  input %pk: float32[1, 1, 8, 4]
  input %pv: float32[1, 1, 8, 4]
  ${inputs}
  ${lines}
  %y: float32[1, 4, 8], %nk: float32[1, 1, 12, 4], %nv: float32[1, 1, 12, 4] = com.microsoft.GroupQueryAttention(%q, %k, %v, %pk, %pv, %lengths, %total) {num_heads: 2, kv_num_heads: 1}
  return %y, %nk, %nv
}
`);
  return Object.fromEntries([...fullCaches(graph)].map(([id, n]) => [graph.values[id]?.name ?? '', n]));
}

test('lengths given as they are: the last place, and how many there are', () => {
  expect(fullOf('input %lengths: int32[1]\n  input %total: int32[]', '')).toEqual({ lengths: 11, total: 12 });
});

test('lengths counted from a mask: ones; what only lends its size is left alone', () => {
  const lines = `const %one: int32[] = [1]
  const %place: int64[] = [1]
  %count: int32[1] = ReduceSum(%mask) {keepdims: 0}
  %lengths: int32[1] = Sub(%count, %one)
  %sizes: int64[2] = Shape(%ids)
  %last: int64[] = Gather(%sizes, %place)
  %total: int32[] = Cast(%last) {to: 6}`;
  expect(fullOf('input %mask: int32[1, 12]\n  input %ids: int32[1, 12]', lines)).toEqual({ mask: 1 });
});

test('no attention with lengths: nothing is said', () => {
  const graph = parseGraph('graph "none" opset 17 {\n  input %x: int32[4]\n  %y: int32[4] = Neg(%x)\n  return %y\n}\n');
  expect([...fullCaches(graph)]).toEqual([]);
});

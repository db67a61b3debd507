/**
 * Bytes per memory and operand of one tiled convolution, counted by hand.
 *
 * x[1, 24, 16, 16] -> 16 channels, 3×3, pad 1, Relu, at int8 on an 8×8 weight-stationary array with 4 KiB of scratchpad. The compiler cuts
 * it (`--emit kernels`) into 8 output channels × 4 rows × 16 columns and sums 8 input channels at a time: 2 channel tiles × 4 stripes of
 * rows = 8 output tiles, each of 3 steps: 24 CONV commands.
 *
 * Loaded from dram and written to the scratchpad:
 *   weights   8 · 8 · 3·3 = 576 B a step. Two slots take three tiles in turn, so each step loads its own:  24 · 576  = 13,824
 *             bias int32 and multiplier float32 of 8 channels, 64 B, stay for the four stripes:             2 · 64   =    128
 *   inputs    4 output rows need 6 input rows; the first and last stripe have one in the padding:
 *             5 + 6 + 6 + 5 = 22 rows of 16 B, of 8 channels, in 3 steps, for 2 channel tiles:   22 · 16 · 8 · 3 · 2 = 16,896
 * Read from the scratchpad and stored to dram:
 *   outputs   every byte once:                                                                              16 · 256 =  4,096
 * Between scratchpad, array and accumulators:
 *   weights   each step shifts its tile in once; each output tile drains with its 64 B:            24 · 576 + 8 · 64 = 14,336
 *   inputs    each step streams 64 pixels through 72 rows of the reduction:                            24 · 64 · 72  = 110,592
 *   outputs   the drain writes every byte once:                                                                        4,096
 *   partials  64 pixels · 8 channels · 4 B = 2,048 B of sums. 72 rows of reduction are 9 folds of 8, and each writes the sums: 3 · 9 = 27
 *             times per output tile. Each also reads what it adds to, but the very first, and the drain reads once: 27 - 1 + 1 = 27.
 *                                                                                                   8 · 27 · 2,048   = 442,368
 * On the bus, in bursts of 64 B: a weight tile is 9 bursts, parameters one, an output tile 8 runs of 64 B, all whole. Of an input tile
 * the 5 or 6 rows of a channel lie together, 80 or 96 B: two bursts, for 8 channels, 24 times:             24 · 8 · 128 = 24,576
 */
import { expect, test } from 'vitest';
import { simulate } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { compileCalibrated, convModel } from './small-programs.ts';

const layer = { channels: 24, outChannels: 16, height: 16, width: 16, kernel: 3, pad: 1 };

test('a convolution tiled over channels, rows and reduction moves the bytes counted by hand', async () => {
  const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=4 KiB']);
  const { executable } = compileCalibrated(convModel('tiled', layer, 'relu'), machine);
  // The count above is for this mapping; if the mapper finds a better one, count again.
  expect(executable.kernels.map((k) => k.mapping)).toEqual(['n8 c8 4×16, weights-outer, 2 input tiles, 2 weight tiles']);

  const { kernels, memories, totals } = simulate(executable, machine);
  expect(kernels.map((k) => ({ macs: k.macs, tiles: k.tiles, traffic: k.traffic }))).toEqual([
    {
      macs: 256 * 16 * 24 * 9,
      tiles: 24,
      traffic: {
        dram: {
          weights: { readBytes: 13_824 + 128, writeBytes: 0 },
          inputs: { readBytes: 16_896, writeBytes: 0 },
          outputs: { readBytes: 0, writeBytes: 4_096 },
        },
        scratchpad: {
          weights: { readBytes: 14_336, writeBytes: 13_824 + 128 },
          inputs: { readBytes: 110_592, writeBytes: 16_896 },
          outputs: { readBytes: 4_096, writeBytes: 4_096 },
        },
        accumulator: { partials: { readBytes: 442_368, writeBytes: 442_368 } },
      },
    },
  ]);
  expect(memories).toMatchObject([
    // Tiles: 2 of inputs (8 · 6 · 16), 2 of weights, 2 of parameters, 2 of outputs (8 · 4 · 16), side by side.
    { name: 'scratchpad', readBytes: 14_336 + 110_592 + 4_096, writeBytes: 13_952 + 16_896 + 4_096, peakBytes: 2 * (768 + 576 + 64 + 512) },
    // One tile of sums: the array drains it before it starts the next.
    { name: 'accumulator', readBytes: 442_368, writeBytes: 442_368, peakBytes: 2_048 },
    // Regions begin at multiples of 4,096: weights 2 · (3 · 576 + 64) -> 4,096, input 6,144 -> 8,192, output 4,096.
    { name: 'dram', readBytes: 13_952 + 16_896, writeBytes: 4_096, movedBytes: 13_952 + 24_576 + 4_096, peakBytes: 16_384 },
  ]);
  expect(totals).toMatchObject({
    dramReadBytes: 30_848,
    dramWriteBytes: 4_096,
    // Weights and parameters, inputs and outputs, each once.
    compulsoryBytes: 2 * (3 * 576 + 64) + 24 * 256 + 16 * 256,
  });
});

test('with twice the scratchpad rows stay in a ring: every input byte is loaded once', async () => {
  const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=8 KiB']);
  const { executable } = compileCalibrated(convModel('ring', layer, 'relu'), machine);
  expect(executable.kernels.map((k) => k.mapping)).toEqual(['n16 c24 3×16, weights-outer, ring of 8 rows, 1 weight tiles']);

  // All channels at once: weights, parameters and inputs cross as often as they must, however the six stripes overlap.
  const { kernels, totals } = simulate(executable, machine);
  expect(kernels[0]?.traffic['dram']).toEqual({
    weights: { readBytes: 16 * 24 * 9 + 16 * 8, writeBytes: 0 },
    inputs: { readBytes: 24 * 256, writeBytes: 0 },
    outputs: { readBytes: 0, writeBytes: 16 * 256 },
  });
  expect(totals.dramReadBytes + totals.dramWriteBytes).toBe(totals.compulsoryBytes);
});

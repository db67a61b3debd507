/** Output by output: the program against its references, and what misses the tolerance. */
import { formatCount, isFloat, type DType, type Tensor } from '../../core/index.ts';
import { compareTensors, sameBits, type ErrorMetrics, type Meant } from './metrics.ts';
import type { KernelCheck, Miss, OutputCheck, VerifyProblem } from './report.ts';
import { leastDbFor, type Tolerance } from './tolerance.ts';
import { compareReal, meant, type Values } from './values.ts';

export function checkOutputs(
  { compilation, model, expectations }: VerifyProblem,
  program: ReadonlyMap<string, Tensor>,
  reference: Values,
  float: Values,
): readonly OutputCheck[] {
  const graph = compilation.quantizedGraph;
  return graph.outputs.flatMap((id, i): readonly OutputCheck[] => {
    const value = graph.values[id];
    const mine = value === undefined ? undefined : program.get(value.name);
    if (value === undefined || mine === undefined) return [];
    // By place: a pass may have given the output another name.
    const modelName = model.values[model.outputs[i] ?? -1]?.name ?? value.name;
    const theirs = meant(reference.get(value.name), value.quantization);
    const here: Meant = { tensor: mine, quantization: value.quantization };
    const meaning = float.get(modelName);
    return [
      {
        name: modelName,
        dtype: mine.dtype,
        modelDtype: meaning?.dtype ?? mine.dtype,
        shape: mine.shape,
        modelShape: meaning?.shape ?? mine.shape,
        cumulative: theirs === null ? null : compareTensors(here, theirs),
        bitEqual: theirs !== null && sameBits(here, theirs),
        float: meaning === undefined ? null : compareReal(mine, value.quantization, meaning),
        expectations: expectations.flatMap(({ name, outputs }) => {
          const expected = outputs.get(modelName);
          if (expected === undefined) return [];
          return [
            {
              name,
              shape: expected.shape,
              program: compareReal(mine, value.quantization, expected),
              model:
                meaning === undefined
                  ? null
                  : compareTensors({ tensor: meaning, quantization: null }, { tensor: expected, quantization: null }),
            },
          ];
        }),
      },
    ];
  });
}

/**
 * Integer outputs (classes, indices) of the float model are told, not judged: the best of two near values may be the other one after
 * rounding. Bits must agree with the graph after precision as long as every kernel is exact.
 */
export function missesOf(outputs: readonly OutputCheck[], kernels: readonly KernelCheck[], tolerance: Tolerance): readonly Miss[] {
  const mustBeExact = kernels.every((k) => k.verdict === 'exact');
  return outputs.flatMap(({ name, modelDtype, modelShape, float, cumulative, bitEqual, expectations }): readonly Miss[] => {
    const misses: Miss[] = [];
    const add = (against: Miss['against'], what: string | null): void => {
      if (what !== null) misses.push({ output: name, against, what });
    };
    const differs = !bitEqual && (cumulative === null || cumulative.differing > 0);
    if (mustBeExact && differs) add('program', cumulative === null ? 'cannot be compared' : inHowMany(cumulative));
    if (isFloat(modelDtype)) add('float', below(float, leastDbFor(modelDtype, tolerance.sqnrDb)));
    // Outputs that came with the inputs have the first word.
    const [judge] = expectations;
    if (judge !== undefined) {
      const least = leastDbFor(modelDtype, tolerance.referenceDb);
      const isTiny = judge.model !== null && judge.model.unordered === 0 && judge.model.maxAbs <= tolerance.referenceAbs;
      const numbers = isFloat(modelDtype) ? (isTiny ? null : below(judge.model, least)) : apart(judge.model, modelDtype);
      const why = otherShape(modelShape, judge.shape) ?? numbers;
      add('expectation', why === null ? null : `the model itself against ${judge.name}: ${why}`);
    }
    return misses;
  });
}

/** Numbers of another shape cannot be compared, or not at the same places: that is no agreement. */
function otherShape(mine: readonly number[], theirs: readonly number[]): string | null {
  if (mine.length === theirs.length && mine.every((n, axis) => n === theirs[axis])) return null;
  return `the shape is [${mine.join(', ')}] in place of [${theirs.join(', ')}]`;
}

function below(error: ErrorMetrics | null, least: number): string | null {
  if (error === null || error.differing === 0) return null;
  if (error.unordered > 0) return `${error.unordered} elements are infinite or NaN on one side only`;
  return (error.sqnrDb ?? Infinity) < least ? `SQNR ${error.sqnrDb?.toFixed(1)} dB, at least ${least} wanted` : null;
}

/** Bytes may be off by one: others round the sum of products another way. */
function apart(error: ErrorMetrics | null, dtype: DType): string | null {
  const most = dtype === 'int8' || dtype === 'uint8' ? 1 : 0;
  return error !== null && (error.maxLsb ?? 0) > most ? `${inHowMany(error)}, by up to ${error.maxLsb}` : null;
}

function inHowMany(error: ErrorMetrics): string {
  return `differs in ${formatCount(error.differing)} of ${formatCount(error.elements)} elements`;
}

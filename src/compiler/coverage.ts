/** Which operators run where, found by asking the parts of the compiler that decide it: the source of docs/operators.md. */
import type { DType } from '../core/index.ts';
import { opDefs, type Graph, type Node, type OpDef } from '../graph/index.ts';
import type { Attributes, Value } from '../graph/ir.ts';
import { engineOf } from './kernels/select.ts';
import { isElementwise } from './kernels/elementwise-forms.ts';
import { ruleFor } from './lower/rules.ts';
import { plainOperatorOf } from './passes/qoperator.ts';

/** `lowered`: taken apart into operators of the other kinds. `absorbed`: becomes a plain operator on quantized values, or part of one. */
export type Place = 'matrix' | 'vector' | 'movement' | 'view' | 'lowered' | 'absorbed' | 'folded' | 'host';

export interface Coverage {
  readonly domain: string;
  readonly name: string;
  readonly since: readonly number[];
  /** Where it runs when its operands allow it; the host else. */
  readonly place: Place;
  readonly attributes: readonly string[];
}

export function operatorCoverage(): readonly Coverage[] {
  return opDefs
    .filter((def) => def.domain !== 'systole')
    .map((def) => ({ domain: def.domain, name: def.name, since: def.since, place: placeOf(def), attributes: Object.keys(def.attributes) }));
}

function placeOf(def: OpDef): Place {
  const node = probe(def, 1);
  if (def.domain === '' && (def.name === 'BatchNormalization' || def.name === 'Constant')) return 'folded';
  if (isQuantization(def) || plainOperatorOf(def.name) !== null) return 'absorbed';
  const engine = engineOf(node, isElementwiseSomehow(def));
  if (engine !== null) return engine;
  return ruleFor(node) === undefined ? 'host' : 'lowered';
}

function isQuantization(def: OpDef): boolean {
  return /^(Q|Deq)uantizeLinear$|^Quant$/.test(def.name);
}

function probe(def: OpDef, inputs: number): Node {
  const attributes: Attributes = def.name === 'Cast' ? { to: { kind: 'int', value: 1 } } : {};
  return {
    op: def.name,
    domain: def.domain,
    name: 'probe',
    inputs: Array.from({ length: inputs }, (_, i) => i),
    outputs: [inputs],
    attributes,
    origin: ['probe'],
  };
}

const types: readonly DType[] = ['float32', 'bool', 'int32', 'int8'];

/** Whether the vector engine takes the operator for some types and number of operands; constants as further operands too. */
function isElementwiseSomehow(def: OpDef): boolean {
  if (def.kernelClass !== 'elementwise') return false;
  for (const inputs of [1, 2, 3]) {
    for (const from of types) {
      for (const to of types) {
        for (const constant of [false, true]) {
          if (isElementwise(probeGraph(def, inputs, from, to, constant), probe(def, inputs))) return true;
        }
      }
    }
  }
  return false;
}

function probeGraph(def: OpDef, inputs: number, from: DType, to: DType, constant: boolean): Graph {
  const value = (id: number): Value => {
    const isOutput = id === inputs;
    const isConstant = constant && id > 0 && !isOutput;
    // The exponents that Pow is written out for, and bounds of a Clip.
    const element = new Uint8Array(Float32Array.of(2).buffer);
    return {
      id,
      name: `v${id}`,
      type: {
        dtype: isOutput ? to : isConstant ? 'float32' : id === 0 && def.name === 'Where' ? 'bool' : from,
        shape: isConstant ? [] : [2, 3],
      },
      layout: 'row-major',
      quantization: null,
      constant: isConstant ? { kind: 'splat', element } : null,
    };
  };
  const values = Array.from({ length: inputs + 1 }, (_, id) => value(id));
  const operands = values.filter((v) => v.id < inputs && v.constant === null).map((v) => v.id);
  return { name: 'probe', opset: 22, inputs: operands, outputs: [inputs], values, nodes: [probe(def, inputs)], retired: {} };
}

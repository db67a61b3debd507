/** The activation that fused com.microsoft operators apply to their result. */
import { sigmoid32, tanh32 } from '../../core/index.ts';
import { badAttribute, type OpContext } from './op-def.ts';

const round = Math.fround;

/** @param names  attribute of the activation's name, and of its numbers: a list, or one attribute for each in order */
export function fusedActivation(
  context: OpContext,
  names: { readonly activation: string; readonly list?: string; readonly alpha?: string; readonly beta?: string },
): ((x: number) => number) | null {
  const { attributes } = context.node;
  const a = attributes[names.activation];
  const name = a?.kind === 'string' ? a.value : '';
  const list = names.list === undefined ? undefined : attributes[names.list];
  const number = (index: number, attribute: string | undefined, otherwise: number): number => {
    if (list?.kind === 'floats' || list?.kind === 'ints') return round(list.value[index] ?? otherwise);
    const single = attribute === undefined ? undefined : attributes[attribute];
    return round(single?.kind === 'float' || single?.kind === 'int' ? single.value : otherwise);
  };
  const first = (otherwise: number): number => number(0, names.alpha, otherwise);
  const second = (otherwise: number): number => number(1, names.beta, otherwise);
  switch (name) {
    case '':
      return null;
    case 'Relu':
      return (x) => (x < 0 ? 0 : x);
    case 'Tanh':
      return tanh32;
    case 'Sigmoid':
      return sigmoid32;
    case 'LeakyRelu': {
      const alpha = first(0.01);
      return (x) => (x < 0 ? alpha * x : x);
    }
    case 'Clip': {
      const [lo, hi] = [first(-Infinity), second(Infinity)];
      return (x) => (x > hi ? hi : x < lo ? lo : x);
    }
    case 'HardSigmoid': {
      const [alpha, beta] = [first(0.2), second(0.5)];
      return (x) => Math.min(Math.max(round(round(alpha * x) + beta), 0), 1);
    }
    default:
      return badAttribute(context, names.activation, `"${name}"`, 'Relu, Tanh, Sigmoid, LeakyRelu, Clip, HardSigmoid');
  }
}

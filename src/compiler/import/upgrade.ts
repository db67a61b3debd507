/**
 * Nodes of operator sets 1 to 6 in the forms of set 7, so that definitions of operators begin there.
 * Source: the ONNX changelog (docs/Changelog.md), versions of ai.onnx before 7, and the adapters of onnx/version_converter.
 */
import type { Dim } from '../../graph/index.ts';
import type { OnnxAttribute } from '../../onnx/model.ts';
import type { NamedNode } from './names.ts';
import { broadcastForm, slopeForm } from './upgrade-broadcast.ts';
import { castForm, padForm, reshapeForm, splitForm, tileForm, upsampleForm } from './upgrade-forms.ts';

/** What is known of values when the node is reached. */
export interface Facts {
  /** The file is from before IR 3, whatever operator set it claims: old forms may have lost the attributes that explain them. */
  readonly old: boolean;
  /** null where not even the rank is known. */
  shape(name: string): readonly Dim[] | null;
  /** Integers of a small constant; null where it is none. */
  integers(name: string): readonly number[] | null;
}

/** The oldest operator set that operators are defined for. */
export const oldestDefined = 7;

type Form = (node: NamedNode, facts: Facts) => readonly NamedNode[];

/** Attributes that inference does not need and set 7 does not have. */
const dropped: Readonly<Record<string, readonly string[]>> = {
  BatchNormalization: ['is_test'],
  Dropout: ['is_test'],
  LSTM: ['output_sequence'],
  GRU: ['output_sequence'],
  RNN: ['output_sequence'],
  Gemm: ['broadcast'],
};

const forms: Readonly<Record<string, Form>> = {
  Add: broadcastForm,
  Sub: broadcastForm,
  Mul: broadcastForm,
  Div: broadcastForm,
  Pow: broadcastForm,
  And: broadcastForm,
  Or: broadcastForm,
  Xor: broadcastForm,
  Equal: broadcastForm,
  Greater: broadcastForm,
  Less: broadcastForm,
  PRelu: slopeForm,
  Cast: castForm,
  Concat: (node) => [withDefault(node, { name: 'axis', refName: '', kind: 'int', value: 1 })],
  GlobalLpPool: integerP,
  LpPool: integerP,
  Pad: padForm,
  Reshape: reshapeForm,
  Selu: seluForm,
  Split: splitForm,
  Tile: tileForm,
  Upsample: upsampleForm,
};

/** Of old files that claim a newer operator set. */
const lostForms: Readonly<Record<string, Form>> = {
  Add: broadcastForm,
  Sub: broadcastForm,
  Mul: broadcastForm,
  Div: broadcastForm,
  Upsample: upsampleForm,
};

/** The node in the form of set 7: itself changed, or what takes its place. Nodes of set 7 and newer come back as they are. */
export function upgradeNode(node: NamedNode, facts: Facts): readonly NamedNode[] {
  if (node.domain !== '') return [node];
  if (node.version >= oldestDefined) {
    const lost = facts.old && Object.hasOwn(lostForms, node.opType) ? lostForms[node.opType] : undefined;
    return lost === undefined ? [node] : lost(node, facts);
  }
  // `consumed_inputs` of set 1 marked buffers that may be overwritten; it means nothing for values.
  const gone = new Set(['consumed_inputs', ...(dropped[node.opType] ?? [])]);
  const kept = node.attributes.filter((a) => !gone.has(a.name));
  const clean = kept.length === node.attributes.length ? node : { ...node, attributes: kept };
  const form = Object.hasOwn(forms, node.opType) ? forms[node.opType] : undefined;
  const raised = form === undefined ? [clean] : form(clean, facts);
  return raised.map((n) => ({ ...n, version: oldestDefined }));
}

function withDefault(node: NamedNode, attribute: OnnxAttribute): NamedNode {
  if (node.attributes.some((a) => a.name === attribute.name)) return node;
  return { ...node, attributes: [...node.attributes, attribute] };
}

/** Set 1 had the norm's exponent as a float. */
function integerP(node: NamedNode): readonly NamedNode[] {
  const attributes = node.attributes.map((a) =>
    a.name === 'p' && a.kind === 'float' ? { ...a, kind: 'int' as const, value: Math.round(a.value) } : a,
  );
  return [{ ...node, attributes }];
}

/** Before set 6 the constants were given to four digits. */
function seluForm(node: NamedNode): readonly NamedNode[] {
  if (node.version >= 6) return [node];
  const alpha = withDefault(node, { name: 'alpha', refName: '', kind: 'float', value: Math.fround(1.6732) });
  return [withDefault(alpha, { name: 'gamma', refName: '', kind: 'float', value: Math.fround(1.0507) })];
}

/**
 * What kind of value each attribute of an operator is (AttributeProto.type in onnx.proto; the operators' pages of docs/Operators.md,
 * Operators-ml.md and ONNX Runtime's ContribOperators.md). An attribute present but of another kind must not pass for one left out.
 */
import { fail, graphMessages, type Diagnostic } from '../../core/index.ts';
import type { Attribute, Node } from '../ir.ts';
import type { OpDef } from './op-def.ts';

type Kind = Attribute['kind'];

/** Names that mean the same kind wherever they occur; whatever is not listed is an int. */
const byKind: Readonly<Record<Exclude<Kind, 'int'>, string>> = {
  ints:
    'axes cats_int64s class_ids class_nodeids class_treeids classlabels_int64s classlabels_ints dilations directions ends ' +
    'imputed_value_int64s inputdimensions int64_vocabulary kernel_shape keys_int64s leaf_targetids ngram_counts ngram_indexes ' +
    'nodes_falseleafs nodes_falsenodeids nodes_featureids nodes_missing_value_tracks_true nodes_nodeids nodes_treeids nodes_trueleafs ' +
    'nodes_truenodeids output_padding output_shape pads perm pool_int64s pooled_shape qkv_hidden_sizes scan_input_axes ' +
    'scan_input_directions scan_output_axes scan_output_directions shape split starts strides target_ids target_nodeids target_treeids ' +
    'tree_roots value_ints values_int64s vectors_per_class',
  float:
    'alpha beta bias clip cubic_coeff_a decay_factor default_float epsilon extrapolation_value gamma high lambd low mask_filter_value ' +
    'max mean min momentum norm_coefficient norm_coefficient_post qk_norm_epsilon ratio replaced_value_float scale seed softcap ' +
    'spatial_scale threshold value_float activation_gamma',
  floats:
    'activation_alpha activation_beta activation_params base_values class_weights coefficients imputed_value_floats intercepts ' +
    'kernel_params keys_floats nodes_hitrates nodes_values offset prob_a prob_b rho scales support_vectors target_weights value_floats ' +
    'values_floats weights',
  string:
    'activation aggregate_function approximate auto_pad case_change_action cast_to coordinate_transformation_mode default_string ' +
    'delimiter direction equation k_quant_type keep_aspect_ratio_policy kernel_type locale map_form mode nearest_mode norm padding_mode ' +
    'pattern pixel_format post_transform reduction round_mode rounding_mode update_rule v_quant_type value_string y',
  strings:
    'activations cats_strings classes_strings classlabels_strings keys_strings nodes_modes pool_strings stopwords string_vocabulary ' +
    'value_strings values_strings xs zs',
  tensor:
    'base_values_as_tensor class_weights_as_tensor default_tensor keys_tensor leaf_weights membership_values nodes_hitrates_as_tensor ' +
    'nodes_splits nodes_values_as_tensor target_weights_as_tensor type value values_tensor',
  graph: 'body else_branch then_branch',
};

const kinds: ReadonlyMap<string, Kind> = new Map(
  (Object.keys(byKind) as Exclude<Kind, 'int'>[]).flatMap((kind) => byKind[kind].split(' ').map((name) => [name, kind] as const)),
);

/** Where an operator means something else by the name. */
const exceptions: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['Pad.value', 'float'],
  ['Scaler.scale', 'floats'],
  ['GroupNorm.activation', 'int'],
  ['SkipGroupNorm.activation', 'int'],
  ['FusedGemm.activation_alpha', 'float'],
  ['FusedGemm.activation_beta', 'float'],
  ['FusedMatMulActivation.activation_alpha', 'float'],
  ['FusedMatMulActivation.activation_beta', 'float'],
  ['TreeEnsemble.aggregate_function', 'int'],
  ['TreeEnsemble.post_transform', 'int'],
  ['TreeEnsemble.nodes_modes', 'tensor'],
  ['TreeEnsemble.nodes_hitrates', 'tensor'],
]);

export function attributeKind(op: string, attribute: string): Kind {
  return exceptions.get(`${op}.${attribute}`) ?? kinds.get(attribute) ?? 'int';
}

const words: Readonly<Record<Kind, string>> = {
  int: 'an int',
  float: 'a float',
  string: 'a string',
  ints: 'a list of ints',
  floats: 'a list of floats',
  strings: 'a list of strings',
  tensor: 'a tensor',
  graph: 'a graph',
};

/**
 * Exporters write whole numbers where floats are meant, and old ones give lists no type: an empty one is then of any kind.
 * A tree's numbers come as floats or as a tensor of doubles.
 */
function fits(attribute: Attribute, wanted: Kind): boolean {
  if (attribute.kind === wanted) return true;
  switch (attribute.kind) {
    case 'int':
      return wanted === 'float';
    case 'ints':
      return wanted === 'floats' || (wanted === 'strings' && attribute.value.length === 0);
    case 'floats':
      return (wanted === 'ints' || wanted === 'strings') && attribute.value.length === 0;
    case 'strings':
      return (wanted === 'ints' || wanted === 'floats') && attribute.value.length === 0;
    default:
      return false;
  }
}

/** Reports every attribute that is of another kind than the operator's, all at once. @throws SYS3013 */
export function checkAttributeKinds(def: OpDef, node: Node): void {
  let problems: Diagnostic[] | null = null;
  for (const [name, attribute] of Object.entries(node.attributes)) {
    if (!Object.hasOwn(def.attributes, name)) continue;
    const wanted = attributeKind(def.name, name);
    if (fits(attribute, wanted)) continue;
    const parts = { op: node.op, node: node.name, attribute: name, given: describe(attribute), allowed: words[wanted] };
    (problems ??= []).push(graphMessages.badAttribute(parts, { origin: node.origin }));
  }
  if (problems !== null) fail(...problems);
}

/** "the string "valid"", "the int 3" */
function describe(attribute: Attribute): string {
  switch (attribute.kind) {
    case 'int':
    case 'float':
      return `the ${attribute.kind} ${attribute.value}`;
    case 'string':
      return `the string "${attribute.value.slice(0, 40)}"`;
    default:
      return words[attribute.kind];
  }
}

/** Attributes of a node that its operator does not have, in no version. */
export function unknownAttributes(def: OpDef, node: Node): readonly string[] {
  return Object.keys(node.attributes).filter((name) => !Object.hasOwn(def.attributes, name));
}

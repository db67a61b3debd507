/**
 * Why tests that do not pass do not: the first entry that fits gives the reason. A failure without an entry is listed as unexplained.
 * An entry that fits nothing is listed too, so that the table cannot outlive its causes.
 */
export type SectionName = 'inference' | 'evaluators' | 'models' | 'transforms' | 'nodeTests';

export interface KnownFailure {
  readonly section: SectionName;
  /** Of the test's name. */
  readonly name?: RegExp;
  /** Of what went wrong. */
  readonly what?: RegExp;
  readonly reason: string;
}

export const knownFailures: readonly KnownFailure[] = [
  {
    section: 'evaluators',
    name: /^test_cumsum_1d_reverse_exclusive@opset11$/,
    reason: 'the file leaves out `exclusive`, which its expected output follows',
  },
  {
    section: 'evaluators',
    name: /^test_image_decoder_/,
    reason: 'ImageDecoder decompresses JPEG, PNG and other files, which is not built in',
  },
  {
    section: 'transforms',
    name: /^fusion__embed_layer_norm_format1$/,
    reason: 'the file contradicts itself: attention weights for 3 features behind a layer norm of 1',
  },
  {
    section: 'transforms',
    name: /^fusion__embed_layer_norm_format[24]$/,
    reason:
      'the file contradicts itself: positions are the indices of what is not zero in a tensor of zeros, and none do not expand to [2, 3]',
  },
  {
    section: 'transforms',
    name: /^fusion__fuse-matmul-bn-only-transpose$/,
    reason: 'the file contradicts itself: a batch norm of 5 channels on an input of 1',
  },
  {
    section: 'transforms',
    name: /^fusion__reshape_fusion_(concat_subgraph_not_triggered|multiple_values_in_initializer_tensor_1)$/,
    reason: 'the file contradicts itself: 6000 elements are reshaped to more or fewer',
  },
];

export const unexplained = 'unexplained';

/** A refusal with a code tells its reason itself. */
export const refused = 'refused for the reason stated';

export function reasonFor(section: SectionName, name: string, what: string): string {
  const found = knownFailures.find((k) => k.section === section && (k.name?.test(name) ?? true) && (k.what?.test(what) ?? true));
  // SYS4030 is an exception of ours that the importer caught.
  return found?.reason ?? (/^SYS(?!4030)\d{4} /.test(what) ? refused : unexplained);
}

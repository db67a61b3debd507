/** Planes padded for the kernels that go over the taps of a window. */

/** A window operator on planes; each pair is rows, columns. */
export interface Window {
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padTop: number;
  readonly padLeft: number;
}

/** A padded plane: columns that a stride apart are neighbours lie side by side, so that taps read neighbouring units. */
export interface Padded {
  readonly rows: number;
  /** Units from phase to phase, and from row to row. */
  readonly phaseStep: number;
  readonly rowStep: number;
}

export function paddedOf({ output: [oh, ow], kernel: [kh, kw], strides: [sh, sw], dilations }: Window): Padded {
  const phaseStep = Math.ceil(((ow - 1) * sw + (kw - 1) * dilations[1] + 1) / sw);
  return { rows: (oh - 1) * sh + (kh - 1) * dilations[0] + 1, phaseStep, rowStep: phaseStep * sw };
}

/** Bytes from an output's place in the first of `planes` planes to each of its taps. */
export function offsetsOf({ kernel: [kh, kw], strides, dilations }: Window, p: Padded, planes: number): readonly number[] {
  const offsets: number[] = [];
  for (let plane = 0; plane < planes; plane++) {
    for (let r = 0; r < kh; r++) {
      for (let s = 0; s < kw; s++) {
        const column = s * dilations[1];
        const phase = column % strides[1];
        const units = (plane * p.rows + r * dilations[0]) * p.rowStep + phase * p.phaseStep + (column - phase) / strides[1];
        offsets.push(units * 4);
      }
    }
  }
  return offsets;
}

/** For each phase: the first input column, bytes from the row's start to its place, and how many of each row. */
export function phasesOf({ input: [, width], strides, padLeft }: Window, p: Padded): readonly number[] {
  const stride = strides[1];
  return Array.from({ length: stride }, (_, phase) => {
    const first = Math.max(0, -padLeft);
    const x = first + ((((phase - first - padLeft) % stride) + stride) % stride);
    const place = (x + padLeft - phase) / stride;
    const count = Math.max(0, Math.min(Math.ceil((width - x) / stride), p.phaseStep - place));
    return [x, (phase * p.phaseStep + place) * 4, count];
  }).flat();
}

/** Which outputs of a window operator a tap reaches, along one axis. */

/** Outputs o in [from, end) of `outputs` whose input o · stride + shift lies in [0, size). */
export function tapRange(outputs: number, size: number, stride: number, shift: number): readonly [number, number] {
  const from = Math.max(0, Math.ceil(-shift / stride));
  const end = Math.min(outputs, Math.floor((size - 1 - shift) / stride) + 1);
  return [Math.min(from, outputs), Math.max(Math.min(from, outputs), end)];
}

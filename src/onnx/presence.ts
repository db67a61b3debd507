/** Whether a field stands in the file: the codec gives null, or nothing, for one that does not. */
export function isSet<T>(field: T | null | undefined): field is T {
  return field !== null && field !== undefined;
}

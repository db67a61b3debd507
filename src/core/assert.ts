/** Closes a `switch` over a union: a member without a case is a compile error, and our bug at run time. */
export function assertNever(value: never): never {
  throw new Error(`unexpected case: ${JSON.stringify(value)}`);
}

/** States what must hold if *our* code is right. User errors are diagnostics, never invariants. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

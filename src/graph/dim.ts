/**
 * Dimensions: a number, or a symbolic expression over named symbols. Arithmetic stays symbolic; `bindDim` makes numbers.
 */
export type Dim = number | DimExpr;

export type DimExpr =
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'add' | 'sub' | 'mul' | 'floorDiv' | 'ceilDiv' | 'max'; readonly left: Dim; readonly right: Dim };

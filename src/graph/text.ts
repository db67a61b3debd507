export { parseGraph } from './text-parse.ts';
export { printGraph, type PrintOptions } from './text-print.ts';
export { parseType, printType } from './text-type.ts';

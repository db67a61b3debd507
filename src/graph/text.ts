export { parseGraph } from './text-parse.ts';
export { printGraph, printType, type PrintOptions } from './text-print.ts';

/** Element types × kernel classes: element by element, reductions, norms, softmax. */
import { testCells } from './check.ts';

testCells(['elementwise', 'reduction', 'norm', 'softmax']);

/** Element types × kernel classes: contractions and windows. */
import { testCells } from './check.ts';

testCells(['contraction', 'window']);

/** Models that contradict themselves are refused where types are inferred, in coded messages that name the node and the numbers. */
import { describe, expect, it } from 'vitest';
import { parseGraph } from '../../src/graph/index.ts';

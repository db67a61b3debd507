/** Recoveries in the order they run, with the reason for each place. */
import { removeDeadCode } from '../dead-code.ts';
import type { Pass } from '../pass.ts';
import { activations } from './activations.ts';
import { attentions } from './attention.ts';
import { groupNorms } from './group-norms.ts';
import { pixelShuffles, softmaxes } from './moves.ts';
import { norms } from './norms.ts';
import { recurrentScans, recurrentSteps } from './recurrent.ts';
import { recoveryPass } from './recovery.ts';
import { partialRotaries, rotaries } from './rotary.ts';

/** Before bodies are written out: a Scan over a cell is one operator, its iterations are many. */
export const recoverBodies: readonly Pass[] = [recurrentScans].map(recoveryPass);

const recoveries: readonly Pass[] = [
  recurrentSteps, // before activations: gates are products of sigmoids too
  softmaxes, // attention looks for it
  norms, // before activations: the quotient of a norm is a product as well
  groupNorms, // after norms: it looks for the InstanceNormalization inside
  activations,
  rotaries, // before attention: queries and keys then come from one node
  partialRotaries, // after rotaries: it looks for the RotaryEmbedding inside
  attentions,
  pixelShuffles,
].map(recoveryPass);

/** Nodes that nobody reads would hold the values that patterns take away. */
export const recoverPasses: readonly Pass[] = [removeDeadCode, ...recoveries];

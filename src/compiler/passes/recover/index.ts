/** Recoveries in the order they run, with the reason for each place. */
import type { Pass } from '../pass.ts';
import { activations } from './activations.ts';
import { attentions } from './attention.ts';
import { pixelShuffles, softmaxes } from './moves.ts';
import { groupNorms, norms } from './norms.ts';
import { recoveryPass } from './recovery.ts';
import { rotaries } from './rotary.ts';

export const recoverPasses: readonly Pass[] = [
  softmaxes, // first: attention looks for it
  norms, // before activations: the quotient of a norm is a product as well
  groupNorms, // after norms: it looks for the InstanceNormalization inside
  activations,
  rotaries, // before attention: queries and keys then come from one node
  attentions,
  pixelShuffles,
].map(recoveryPass);

/** A recurrent classifier of time series: stacked LSTM layers (Hochreiter & Schmidhuber 1997) as torch.nn.LSTM exports them. */
import { createGraphWriter } from './graph-writer.ts';
import { linear } from './layers.ts';
import { sequenceParameters, type ModelBuilder } from './parameters.ts';

/** Features of one time step: what a keyword spotter gets from a mel filter bank. */
const features = 40;

export const lstm: ModelBuilder = {
  name: 'lstm',
  summary: 'keyword spotter: stacked LSTM layers over 40 features a step, classifier on the last state',
  parameters: sequenceParameters({ layers: 2, hidden: 128, sequence: 49, classes: 12 }, [
    'batch',
    'sequence',
    'layers',
    'hidden',
    'classes',
    'seed',
  ]),
  macs: 10_638_848,
  build({ batch, sequence, layers, hidden, classes, seed }) {
    const net = createGraphWriter('lstm', seed);
    const input = net.input('input', [batch, sequence, features]);
    let x = net.op('', 'Transpose', [input], { perm: [1, 0, 2] });
    let state = '';
    for (let i = 0; i < layers; i++) {
      const from = i === 0 ? features : hidden;
      const w = net.weight(`lstm.weight_ih_l${i}`, [1, 4 * hidden, from], Math.sqrt(1 / from));
      const r = net.weight(`lstm.weight_hh_l${i}`, [1, 4 * hidden, hidden], Math.sqrt(1 / hidden));
      const b = net.weight(`lstm.bias_l${i}`, [1, 8 * hidden], 0.1);
      const zero = net.filled(`lstm.initial_l${i}`, [1, batch, hidden], 0);
      const [y = '', last = ''] = net.ops('/lstm', 'LSTM', [x, w, r, b, '', zero, zero], 3, { hidden_size: hidden });
      x = net.op('/lstm', 'Squeeze', [y, net.ints('/lstm', [1])]);
      state = last;
    }
    const final = net.op('', 'Squeeze', [state, net.ints('', [0])]);
    net.output(linear(net, '/fc', final, hidden, classes), 'output', [batch, classes]);
    return net.finish();
  },
};

/**
 * Work must grow with nodes, not with their square: import and check with sizes open, import to simulation with sizes given, of
 * graphs of 1k, 5k and 20k nodes. The lines in `ratio` are time(20k) / time(5k), at most 5 where work is linear.
 */
import { compile, importModel } from '../dist/compiler/index.js';
import { loadMachine } from '../dist/hw-configs/index.js';
import { checkModel } from '../dist/reports/index.js';
import { simulate } from '../dist/simulator/index.js';
import { largeGraph } from './large-graph.mjs';

const counts = [1000, 5000, 20000];

/** One line for each case whose name contains `filter`. */
export async function* scaleCases(filter) {
  const machine = await loadMachine({ preset: 'edge-systolic-32' });
  const options = { precision: 'auto', dims: {}, calibration: null };
  const works = {
    check: async (bytes) => {
      const { summary } = checkModel(await importModel(bytes, { name: 'large' }), machine, options);
      return { nodes: summary.nodes };
    },
    simulate: async (bytes) => {
      const model = await importModel(bytes, { name: 'large' });
      const { executable } = compile(model, machine, { ...options, dims: { batch: 1, length: 16 } });
      return { nodes: model.nodeTable.length, cycles: simulate(executable, machine).totals.cycles };
    },
  };
  for (const [what, work] of Object.entries(works)) {
    const times = new Map();
    for (const count of counts) {
      const label = `large${count / 1000}k/${what}`;
      if (!label.includes(filter)) continue;
      const { ms, found } = await measure(work, largeGraph(count));
      times.set(count, ms);
      yield { case: label, unit: 'ms', value: round(ms), ...found };
    }
    const [small, large] = [times.get(5000), times.get(20000)];
    if (small !== undefined && large !== undefined) yield { case: `large/${what}`, unit: 'ratio', value: round(large / small), most: 5 };
  }
}

/** Processor time, which others on the computer do not lengthen: median of three runs behind one that warms the compiler of the engine up. */
async function measure(work, bytes) {
  const times = [];
  let found = {};
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    const began = process.cpuUsage();
    found = await work(bytes);
    const { user, system } = process.cpuUsage(began);
    times.push((user + system) / 1000);
  }
  return { ms: times.slice(1).sort((a, b) => a - b)[1], found };
}

function round(value) {
  return Number(value.toPrecision(4));
}

import type { Core, Machine, Memory } from '../../../hw-configs/index.ts';
import type { Result } from '../../../simulator/result.ts';
import { fateNames } from '../../fate-names.ts';
import { formatBytes, formatCount, formatShare, formatSi, share } from '../../format.ts';
import { html, type Html } from '../html.ts';

/** What the program ran on. */
export function machineSection(machine: Machine): Html {
  return html`<section aria-labelledby="h-machine">
    <h2 id="h-machine">Machine</h2>
    <p class="hint">${machine.description}</p>
    <dl class="facts-list">
      ${Object.entries(machine.cores).map(
        ([name, core]) =>
          html`<dt>${core.count > 1 ? `${core.count} × ${name}` : name}</dt>
            <dd>${describeCore(core, machine)}</dd>`,
      )}
      ${Object.entries(machine.memories).map(
        ([name, memory]) =>
          html`<dt>${name}</dt>
            <dd>${describeMemory(memory)}</dd>`,
      )}
      <dt>host</dt>
      <dd>${formatSi(machine.host.opsPerSecond, 'op/s')}, ${formatSi(machine.host.handoverPs * 1e-12, 's')} to hand over</dd>
      <dt>technology</dt>
      <dd>${machine.technology.nodeNm} nm, ${machine.technology.voltage} V</dd>
    </dl>
  </section>`;
}

function describeCore(core: Core, machine: Machine): string {
  const m = core.matrix;
  const array =
    m.kind === 'systolic'
      ? `${m.rows} × ${m.cols} systolic array, ${m.dataflow}`
      : `${m.inputLanes} × ${m.outputLanes} × ${m.pixels} dot-product array`;
  return `${array}, ${Object.keys(m.rates).join(' ')}; ${core.vector.lanes} vector lanes; ${formatSi(machine.clocks[core.clock] ?? 0, 'Hz')}`;
}

function describeMemory(memory: Memory): string {
  const rates =
    memory.readBytesPerSecond === memory.writeBytesPerSecond || memory.readOnly
      ? formatSi(memory.readBytesPerSecond, 'B/s')
      : `${formatSi(memory.readBytesPerSecond, 'B/s')} read, ${formatSi(memory.writeBytesPerSecond, 'B/s')} write`;
  return `${formatBytes(memory.sizeBytes)} ${memory.kind}${memory.readOnly ? ', read-only' : ''}, ${rates}, ${formatSi(memory.latencyPs * 1e-12, 's')}`;
}

const runs = ['matrix', 'vector', 'movement', 'host'] as const;

/** Where every node of the ONNX file runs. */
export function nodesSection(result: Result): Html {
  const idle = { folded: 'known before the run', view: 'another view of a value', dead: 'read by nobody' } as const;
  const groups = new Map<string, Result['nodes'][number][]>();
  const order = [...runs.map((fate) => fateNames[fate]), ...Object.values(idle).map((why) => `${fateNames.folded}: ${why}`)];
  for (const text of order) groups.set(text, []);
  for (const node of result.nodes) {
    const why = node.nothingToRun === null ? '' : `: ${idle[node.nothingToRun]}`;
    groups.get(`${fateNames[node.fate]}${why}`)?.push(node);
  }
  const counted = [...groups].flatMap(([text, nodes]) => (nodes.length > 0 ? [{ text, nodes }] : []));
  return html`<section aria-labelledby="h-nodes">
    <h2 id="h-nodes">ONNX nodes</h2>
    <p class="hint">${formatCount(result.nodes.length)} nodes of the model, and what became of them.</p>
    <dl class="facts-list">
      ${counted.map(
        (group) =>
          html`<dt>${formatCount(group.nodes.length)}</dt>
            <dd>
              ${group.text} <small>${formatShare(share(group.nodes.length, result.nodes.length))}</small><br /><small
                >${operators(group.nodes)}</small
              >
            </dd>`,
      )}
    </dl>
  </section>`;
}

function operators(nodes: Result['nodes']): string {
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(node.opType, (counts.get(node.opType) ?? 0) + 1);
  const sorted = [...counts].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return (
    sorted
      .slice(0, 8)
      .map(([op, n]) => `${op} ${n}`)
      .join(', ') + (sorted.length > 8 ? ', …' : '')
  );
}

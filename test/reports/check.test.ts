import { beforeAll, describe, expect, it } from 'vitest';
import { compile, importModel, type CompileOptions } from '../../src/compiler/index.ts';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';
import { buildModel, models } from '../../src/models/index.ts';
import { checkModel, renderCheck, type CheckReport } from '../../src/reports/index.ts';
import { simulate } from '../../src/simulator/index.ts';
import {
  branches,
  dataDependent,
  foreign,
  imported,
  lookUp,
  node,
  oneOfEach,
  openSizes,
  repeated,
  tensor,
  weights,
  wholeNumbers,
  type Parts,
} from '../compiler/fate-models.ts';

let edge: Machine;
beforeAll(async () => {
  edge = await loadMachine({ preset: 'edge-systolic-32' });
});

const options = (changes: Partial<CompileOptions> = {}): CompileOptions => ({ precision: 'auto', dims: {}, calibration: null, ...changes });
const check = (parts: Parts, changes: Partial<CompileOptions> = {}, machine = edge): CheckReport =>
  checkModel(imported(parts), machine, options(changes));
const text = (report: CheckReport, allNodes = false): string => renderCheck(report, { width: 80, color: false, allNodes });
const all: readonly Parts[] = [oneOfEach, openSizes, branches, lookUp, foreign, dataDependent, repeated];

function widest(lines: string): number {
  return Math.max(...lines.split('\n').map((line) => Array.from(line).length));
}

describe('caches', () => {
  it('are told with what a decode step reads and writes of them, each in the document, a few in the text', async () => {
    const model = await importModel(
      buildModel('llama', { layers: 3, hidden: 32, heads: 2, kvHeads: 1, vocabulary: 20, sequence: 1, past: 7 }),
      { name: 'llama' },
    );
    const report = checkModel(model, edge, options());
    const { caches, totals, recovered } = report.summary;
    expect(caches).toHaveLength(6);
    expect(caches[5]).toEqual({
      past: 'past_key_values.2.value',
      present: 'present.2.value',
      rows: 8,
      appendedRows: 1,
      bytes: 8 * 16,
      memory: 'dram',
    });
    expect(totals).toMatchObject({ stateReadBytes: 6 * 8 * 16, stateWriteBytes: 6 * 16 });
    expect(recovered.filter((line) => line.includes('in place, appends 1 of 8 rows'))).toHaveLength(6);
    const shown = text(report).replaceAll(/\n +/g, ' ');
    expect(shown).toContain('Its 6 KV caches (768 B) stay in dram from run to run: a run reads 768 B and writes the new rows, 96 B.');
    expect(shown).toContain('… and 4 more KV caches in place: see --json.');
  });
});

describe('costs', () => {
  it('every node that runs has one, folded ones have none', () => {
    for (const parts of [oneOfEach, branches, lookUp, dataDependent]) {
      for (const { name, fate, cost, costNeeds } of check(parts).nodes) {
        expect([name, cost !== null, costNeeds]).toEqual([name, fate !== 'folded', []]);
      }
    }
  });

  it('a host node costs at least its operand bytes over the bandwidth of the host, and a hand-over', () => {
    const report = check(oneOfEach);
    const top = report.nodes.find((n) => n.name === 'Trilu_y');
    // In int8: 1 · 8 · 16 read, as much written.
    const operandBytes = 2 * 8 * 16;
    const leastSeconds = operandBytes / edge.host.bytesPerSecond + edge.host.handoverPs / 1e12;
    const seconds = (top?.cost?.cycles ?? 0) / (edge.clocks[edge.referenceClock] ?? 1);
    expect(seconds).toBeGreaterThanOrEqual(leastSeconds);
    expect(top?.cost?.handovers).toBe(1);
    expect(top?.cost?.bytes).toBeGreaterThanOrEqual(operandBytes);
  });

  it('nodes of one kernel share its cost, bodies with the node that has them', () => {
    const [conv, relu] = check(oneOfEach).nodes;
    expect(conv?.cost).toEqual(relu?.cost);
    expect(conv?.cost?.sharedBy).toBe(2);
    const { nodes } = check(branches);
    expect(nodes.map((n) => n.cost?.sharedBy)).toEqual([4, 4, 4, 4]);
  });

  it('a run of the program names the same fates', () => {
    for (const parts of [oneOfEach, branches, lookUp, dataDependent, repeated]) {
      const model = imported(parts);
      const { nodes } = simulate(compile(model, edge, options()).executable, edge, { detail: 'kernels' });
      expect(nodes.map((n) => [n.name, n.fate, n.kernel])).toEqual(
        checkModel(model, edge, options()).nodes.map((n) => [n.name, n.fate, n.kernel]),
      );
    }
  });

  it('what kernels wait adds up to the run', () => {
    const { summary } = check(oneOfEach);
    expect(summary.fates.reduce((n, f) => n + f.attributedCycles, 0)).toBe(summary.totals?.cycles);
    expect(summary.fates.reduce((n, f) => n + f.nodes, 0)).toBe(summary.nodes);
  });

  it('open sizes: no cost, and every node that runs names the --dim that would give it', () => {
    const report = check(openSizes);
    expect(report.summary.totals).toBeNull();
    for (const n of report.nodes) {
      expect(n.cost).toBeNull();
      expect(n.costNeeds).toEqual(['batch', 'length']);
    }
    const given = Object.fromEntries(report.summary.openDims.map((d) => [d.symbol, d.assumed]));
    const settled = check(openSizes, { dims: given });
    expect(settled.nodes.map((n) => [n.name, n.fate])).toEqual(report.nodes.map((n) => [n.name, n.fate]));
    expect(settled.nodes.every((n) => n.cost !== null && n.costNeeds.length === 0)).toBe(true);
  });

  it('MACs on the host are not counted as on the NPU', () => {
    const parts: Parts = {
      inputs: [tensor('x', [1, 16])],
      constants: [weights('w', [16, 16])],
      nodes: [node('MatMul', ['x', 'w'], 'y')],
      outputs: ['y'],
    };
    expect(check(parts).summary.totals).toMatchObject({ macs: 256, npuMacs: 256 });
    expect(check(parts, { precision: 'fp32' }).summary.totals).toMatchObject({ macs: 256, npuMacs: 0 });
  });
});

describe('loops', () => {
  it('of unknown length cost one iteration, which is said at the node, in the notes and where they are listed', () => {
    const report = check(repeated);
    expect(report.nodes.map((n) => [n.name, n.cost?.perIteration])).toEqual([
      ['Loop_y', true],
      ['Loop_y/body/Identity_on_out', true],
      ['Loop_y/body/MatMul_v_out', true],
    ]);
    expect(report.diagnostics.map((d) => d.code)).toContain('SYS4515');
    expect(text(report)).toMatch(/1 × Loop on the host with 2 nodes inside: [\d,]+ cycles per iteration,/);
    expect(text(report).replaceAll(/\s+/g, ' ')).toContain('is that of one iteration. Give --input-value times=… to settle it.');
    expect(report.summary.totals?.macs).toBe(4 * 16 * 16);
  });

  it('whose length is given cost all iterations', () => {
    const inputValues = new Map([['times', { dtype: 'int64' as const, shape: [], data: BigInt64Array.of(3n) }]]);
    const report = checkModel(imported(repeated, { inputValues }), edge, options());
    expect(report.summary.totals?.macs).toBe(3 * 4 * 16 * 16);
    expect(report.nodes.filter((n) => n.cost?.perIteration === true)).toEqual([]);
  });

  it('that may end early cost the most there can be, and say so', () => {
    const [loop] = repeated.nodes;
    const parts: Parts = {
      ...repeated,
      inputs: [tensor('x', [4, 16]), tensor('go', [], 'bool')],
      constants: [...(repeated.constants ?? []), { ...wholeNumbers('times', [5]), dims: [] }],
      nodes: [{ ...(loop ?? node('Loop', [], 'y')), inputs: ['times', 'go', 'x'] }],
    };
    const report = check(parts);
    expect(report.summary.totals?.macs).toBe(5 * 4 * 16 * 16);
    expect(report.diagnostics.find((d) => d.code === 'SYS4516')?.message).toMatch(/before its 5 iterations.*--input-value go=…/);
  });
});

describe('the costliest', () => {
  const layers = (name: (i: number) => string): string => {
    const count = 4;
    const nodes = Array.from({ length: count }, (_, i) => ({
      ...node('MatMul', [i === 0 ? 'x' : `h${i - 1}`, 'w'], `h${i}`),
      name: name(i),
    }));
    const report = check({ inputs: [tensor('x', [64, 64])], constants: [weights('w', [64, 64])], nodes, outputs: [`h${count - 1}`] });
    return text(report).split('Costliest nodes')[1] ?? '';
  };

  it('layers of one cost are one line, told by their number in the middle of the name', () => {
    expect(layers((i) => `/layer.${i}/fc1/MatMul_1`)).toMatch(/\d × \/layer\.\d\/fc1\/MatMul_1 +matrix/);
  });

  it('numbers at the end are names of their own', () => {
    expect(layers((i) => `MatMul_${i}`).match(/^ {2}MatMul_\d +matrix/gm)).toHaveLength(4);
  });
});

describe('the document', () => {
  it('has the same fields for every model, and survives JSON', () => {
    for (const parts of all) {
      const report = check(parts);
      expect(JSON.parse(JSON.stringify(report))).toEqual(report);
      expect(Object.keys(report)).toEqual(['schemaVersion', 'tool', 'model', 'target', 'summary', 'nodes', 'problems', 'diagnostics']);
      expect(Object.keys(report.summary)).toEqual(['nodes', 'fates', 'totals', 'caches', 'openDims', 'recovered']);
      for (const n of report.nodes) {
        expect(Object.keys(n).toSorted()).toEqual(
          ['composite', 'cost', 'costNeeds', 'domain', 'fate', 'fix', 'kernel', 'limit', 'name', 'opType', 'parent', 'reason'].toSorted(),
        );
        expect(n.reason).not.toBe('');
        if (n.fate === 'host' || n.fate === 'unsupported') expect([n.name, n.fix]).toEqual([n.name, expect.stringMatching(/.{20}/)]);
        if (n.cost !== null)
          expect(Object.keys(n.cost)).toEqual(['cycles', 'attributedCycles', 'bytes', 'handovers', 'sharedBy', 'perIteration']);
      }
    }
  });

  it('is the same for the same model', () => {
    expect(JSON.stringify(check(oneOfEach))).toBe(JSON.stringify(check(oneOfEach)));
  });
});

describe('the text', () => {
  it('says where, why and what to change', () => {
    const lines = text(check(oneOfEach));
    expect(lines).toMatch(/^model on edge-systolic-32\n {2}7 of 8 nodes run on the NPU or need no run; 1 does not\.\n/);
    expect(lines).toMatch(/matrix engine +2 +1 /);
    expect(lines).toMatch(/1 × Trilu on the host: [\d,]+ cycles/);
    expect(lines).toMatch(
      / {4}where {3}Trilu_y\n {4}why {5}no engine of the machine runs Trilu\n {4}change {2}use operators an engine runs/,
    );
  });

  it('of open sizes gives the options to copy', () => {
    const lines = text(check(openSizes)).replaceAll(/\s+/g, ' ');
    expect(lines).toContain('Fates are judged at --dim batch=1 --dim length=16: give these, or sizes of your own.');
  });

  it('of what prevents a program comes first', () => {
    const [title, , problem] = text(check(foreign)).split('\n');
    expect(title).toBe('model on edge-systolic-32');
    expect(problem).toBe('No program');
    expect(text(check(foreign))).toContain('would run on the NPU');
  });

  it('tells a body with the node that has it, once', () => {
    const lines = text(check(branches));
    expect(lines).toContain('1 × If on the host with 3 nodes inside');
    expect(lines.match(/why/g)).toHaveLength(1);
  });

  it('has a line for every node when asked', () => {
    const lines = text(check(oneOfEach), true).split('\n');
    for (const name of ['Conv_c', 'Reshape_s', 'Add_k', 'Trilu_y']) expect(lines.some((l) => l.startsWith(`  ${name} `))).toBe(true);
  });

  it('fills 80 columns and no more, whatever names are like', () => {
    const long = 'a/very/long/path/of/modules/that/an/exporter/wrote/with/no/end/in/sight/and/not/one/space/in/it';
    const named: Parts = { ...oneOfEach, nodes: oneOfEach.nodes.map((n, i) => ({ ...n, name: `${long}/${i}/${n.opType}` })) };
    for (const parts of [...all, named]) {
      for (const nodes of [false, true]) expect(widest(text(check(parts), nodes))).toBeLessThanOrEqual(80);
    }
  });
});

describe('built-in models', () => {
  const small = { image: 64, sequence: 8, past: 8, layers: 1, hidden: 32, heads: 4, kvHeads: 2, vocabulary: 50, classes: 10, width: 0.25 };

  it('read in 80 columns, every node with a kernel, a cost or a reason', async () => {
    for (const { name, parameters } of models) {
      const values = new Map<string, number>(Object.entries(small));
      const chosen = Object.fromEntries(
        parameters.flatMap((p) => (values.has(p.name) ? [[p.name, Math.max(p.min, values.get(p.name) ?? 0)]] : [])),
      );
      const model = await importModel(buildModel(name, chosen), { name });
      const report = checkModel(model, edge, options());
      expect([name, report.problems]).toEqual([name, []]);
      expect([name, report.nodes.length]).toEqual([name, model.nodeTable.length]);
      expect([
        name,
        report.nodes.filter((n) => n.fate !== 'folded' && (n.kernel === null || (n.cost === null && n.costNeeds.length === 0))),
      ]).toEqual([name, []]);
      expect([name, widest(text(report, true)) <= 80]).toEqual([name, true]);
    }
  }, 120_000);
});

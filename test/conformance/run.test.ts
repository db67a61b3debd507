/** A whole run over packs made here: totals come from their indexes, and whatever goes wrong counts as wrong. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeModel, encodeTensor } from '../../src/onnx/index.ts';
import type { OnnxModel, OnnxTensor } from '../../src/onnx/model.ts';
import { allSections, runConformance, thresholdsOf, type ConformanceDocument } from './document.ts';
import { runJob, type Job, type Outcome } from './job.ts';
import { markdownReport } from './markdown-report.ts';
import { missingPacks, testPacks } from './packs.ts';
import { runJobs } from './pool.ts';
import { archive, entry } from './tar-builder.ts';
import { textReport } from './text-report.ts';

function unary(opType: string, shape: readonly (number | string)[]): Uint8Array {
  const info = (name: string) => ({ name, type: { kind: 'tensor', dtype: 'float32', shape } }) as const;
  const model: OnnxModel = {
    irVersion: 8,
    producerName: '',
    producerVersion: '',
    opsetImports: [{ domain: '', version: 17 }],
    functions: [],
    metadata: {},
    graph: {
      name: 'g',
      nodes: [{ name: '', opType, domain: '', overload: '', inputs: ['x'], outputs: ['y'], attributes: [] }],
      initializers: [],
      sparseInitializers: [],
      inputs: [info('x')],
      outputs: [info('y')],
      valueInfos: [],
    },
  };
  return encodeModel(model);
}

function floats(...numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
  const tensor: OnnxTensor = { name: '', dtype: 'float32', dims: [numbers.length], data: { kind: 'bytes', bytes } };
  return encodeTensor(tensor);
}

/** Relu of (-1, 2), with this expectation. */
function reluTest(name: string, ...expected: readonly number[]): readonly Uint8Array[] {
  return [
    entry(`${name}/model.onnx`, unary('Relu', [2])),
    entry(`${name}/test_data_set_0/input_0.pb`, floats(-1, 2)),
    entry(`${name}/test_data_set_0/output_0.pb`, floats(...expected)),
  ];
}

let folder = '';
let document: ConformanceDocument | null = null;

async function runHere(jobs: readonly Job[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const job of jobs) {
    outcomes.push(
      await runJob(folder, job).then(
        (answer): Outcome => ({ lost: null, answer }),
        (error: unknown): Outcome => ({ lost: String(error), answer: null }),
      ),
    );
  }
  return outcomes;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'systole-conformance-'));
  const pack = (name: string, header: string, rows: readonly string[], entries: readonly Uint8Array[]): void => {
    writeFileSync(join(folder, `${name}.csv`), [header, ...rows, ''].join('\n'));
    writeFileSync(join(folder, `${name}.tar.gz`), gzipSync(archive(...entries)));
  };
  for (const name of testPacks) {
    if (name === 'node-tests') {
      const rows = ['right,Relu,agrees', 'wrong,Relu,differs', 'drawn,Relu,random', 'lost,Neg,agrees'];
      const types = ['float', 'float', 'float', 'int64'];
      pack(
        name,
        'name,ops,reference,input_dtypes,output_dtypes',
        rows.map((row, i) => `${row},${types[i] ?? ''},float`),
        [...reluTest('right', 0, 2), ...reluTest('wrong', 0, 3), ...reluTest('drawn', 7, 7)],
      );
    } else pack(name, 'name,ops', [], []);
  }
  pack('graph-transforms', 'name,ops', ['one,Relu'], [entry('one/model.onnx', unary('Relu', [2]))]);
  const models = join(folder, 'models', 'little');
  mkdirSync(models, { recursive: true });
  writeFileSync(join(models, 'model.onnx'), unary('Relu', ['batch', 8]));
  writeFileSync(join(folder, 'models.csv'), 'name,category,nodes,macs\nlittle,made,1,0\n');
  document = await runConformance({ folder, sections: allSections, keep: () => true, run: runHere });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function done(): ConformanceDocument {
  if (document === null) throw new Error('the run did not come to an end');
  return document;
}

describe('a run over other packs', () => {
  test('the packs are found, and one that is not is named', () => {
    expect(missingPacks(folder)).toEqual([]);
    expect(missingPacks(join(folder, 'models'))).toContain('node-tests.csv');
  });

  test('evaluators: a wrong result and a test that is not there fail, a random one is judged by its type', () => {
    const section = done().evaluators;
    expect([section?.total, section?.passed, section?.failed]).toEqual([4, 2, 2]);
    expect(section?.failures.map((f) => [f.name, f.what])).toEqual([
      ['wrong', 'output "y": element 1 is 2 instead of 3 (1 of 2 differ)'],
      ['lost', expect.anything()],
    ]);
    expect(section?.packs[0]?.byReference['random']).toEqual({ passed: 1, failed: 0 });
  });

  test('inference: what is there is exact, what is not is a contradiction', () => {
    const [pack] = done().inference?.packs ?? [];
    expect(pack?.unbound).toEqual({ dtype: 3, rank: 3, exact: 3, contradictions: 1 });
    expect(done().inference?.unbound.map((f) => f.name)).toEqual(['lost']);
  });

  test('models and graphs: imported, bound by rule, run', () => {
    const [row] = done().models?.rows ?? [];
    expect([row?.importFailure, row?.fateFailure, row?.runFailure]).toEqual([null, null, null]);
    expect([row?.rows, row?.dims, row?.run?.foldedAway]).toEqual([1, { batch: 1 }, []]);
    expect(done().transforms?.passed).toBe(1);
  });

  test('node tests: within the types of the machines, by what their programs need', () => {
    const section = done().nodeTests;
    expect([section?.total, section?.outside, section?.npuOnly, section?.wrong]).toEqual([3, 1, 2, 1]);
    const [right, wrong] = section?.tests ?? [];
    expect([right?.result, right?.class, right?.reason]).toEqual(['npuOnly', 'elementwise', null]);
    expect(right?.commands).toMatchObject({ LOAD: 1, VECTOR: 1, STORE: 1 });
    expect(wrong?.reason).toBe('small: output "y": element 1 is 2 instead of 3 (1 of 2 differ)');
  });

  test('sums add up whatever fails; the demands that are missed are said', () => {
    const missed = thresholdsOf(done()).filter((t) => !t.ok);
    expect(missed.map((t) => t.what)).toEqual([
      'no value bound: element type known, of tensor outputs',
      'no value bound: rank known, of tensor outputs',
      'no value bound: contradictions, of all outputs',
      'shape-carrying inputs bound: exact type and dimensions',
      'tests with tensor outputs that agree',
      'node tests that are wrong',
      'node tests on the engines alone',
      'node tests on the engines alone: elementwise',
    ]);
    expect(textReport(done())).toContain('FAIL tests with tensor outputs that agree: 2 of 4 (50 %), demanded ≥ 97 %');
    expect(markdownReport(done())).toBe(markdownReport(done()));
    expect(markdownReport(done())).not.toContain(folder);
  });
});

describe('worker threads', () => {
  const worker = `
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ name }) => {
      if (name === 'hangs') for (;;);
      if (name === 'throws') throw new Error('broken');
      parentPort.postMessage({ lost: null, answer: { kind: 'transform', result: name } });
    });`;

  test('one job that hangs or throws costs itself, not its neighbours', async () => {
    const jobs = ['a', 'hangs', 'b', 'throws', 'c'].map((name): Job => ({ kind: 'transform', name }));
    const url = new URL(`data:text/javascript,${encodeURIComponent(worker)}`);
    const outcomes = await runJobs(jobs, { folder, threads: 1, limitMs: () => 500, worker: url });
    expect(outcomes.map((o) => o.lost ?? 'done')).toEqual(['done', 'no answer after 0.5 s', 'done', 'crash: broken', 'done']);
  });
});

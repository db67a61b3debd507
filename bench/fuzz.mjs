/**
 * Damages ONNX files at random and reads them: decoding, importing, preparing and binding must return or throw a coded error, and so
 * must running what is small, within 5 seconds of computing and 4 times the file's size + 256 MiB of memory (each case's own peak, on Linux).
 *   node bench/fuzz.mjs [--runs 20000] [--seed 1] [--dist dist] [--only NAME] [--check]
 * With --check every file that can be read is also mapped to a machine: each node must find a fate.
 * Seeds are the built-in networks and, where the test data lies beside the project (SYSTOLE_DATA), its whole models.
 */
import { fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const longest = 5000;
const largestSeed = 400_000;
const allowance = 256 * 2 ** 20;
const elementTypes = ['float32', 'int64', 'int8', 'uint8', 'int32', 'bool', 'string', 'float16', 'complex64', 'int4'];
/** Codes that wrap an exception nobody expected. */
const stumbles = ['SYS4030', 'SYS3056'];
/** Put where sizes, axes and counts are read. */
const sizes = [0, 1, 2, 3, 7, 1024, 65536, 2 ** 31, 2 ** 40, 2 ** 52, -1];

const usage = 'node bench/fuzz.mjs [--runs 20000] [--seed 1] [--dist dist] [--only NAME] [--check]';
const { values } = wordsOf({
  options: {
    help: { type: 'boolean', default: false },
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    dist: { type: 'string', default: join(root, 'dist') },
    only: { type: 'string', default: '' },
    check: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const dist = resolve(values.dist);
const codec = await loadCodec(dist);
const seeds = (await seedFiles(dist)).filter((s) => s.name.includes(values.only));
if (process.send === undefined) await supervise(Number(values.seed) * 1_000_000, Number(values.runs));
else process.on('message', ({ from, to }) => void work(from, to));

function wordsOf(config) {
  try {
    const found = parseArgs(config);
    for (const name of ['runs', 'seed']) if (!/^\d{1,9}$/.test(found.values[name])) throw new Error(`--${name} takes a whole number`);
    return found;
  } catch (error) {
    console.error(`${error.message}\n${usage}`);
    return process.exit(2);
  }
}

async function supervise(first, runs) {
  console.log(`${seeds.length} seed files, ${runs} damaged files`);
  const found = { read: 0, coded: 0, wrong: new Map(), peak: 0 };
  for (let next = first; next < first + runs;) next = await oneProcess(next, first + runs, found);
  const megabytes = (found.peak / 2 ** 20).toFixed(0);
  console.log(`${found.read} read, ${found.coded} refused with a code; at most ${megabytes} MiB more than before`);
  for (const [message, { count, file }] of found.wrong) console.log(`WRONG  ${count} x ${message}\n  e.g. ${file}`);
  if (found.wrong.size > 0) process.exitCode = 1;
}

/** Runs until the range is done or a case hangs or kills the process; gives the number of the case after. */
function oneProcess(from, to, found) {
  return new Promise((done) => {
    const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    let current = from;
    let timer;
    const wrong = (number, message) => {
      const known = found.wrong.get(message);
      found.wrong.set(message, known === undefined ? { count: 1, file: keep(number) } : { ...known, count: known.count + 1 });
    };
    const stop = (next) => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.kill('SIGKILL');
      done(next);
    };
    child.on('exit', () => {
      wrong(current, 'the process ran out of memory');
      stop(current + 1);
    });
    child.on('message', (report) => {
      if (report.kind === 'done') return stop(to);
      if (report.kind === 'begin') {
        current = report.number;
        clearTimeout(timer);
        const until = computed(child.pid) + longest;
        const look = () => {
          // Where other programs hold the processors, waiting is not computing.
          const left = until - computed(child.pid);
          if (left > 0) return void (timer = setTimeout(look, Math.max(left, 100)));
          wrong(current, `did not end within ${longest} ms`);
          stop(current + 1);
        };
        timer = setTimeout(look, longest);
        return;
      }
      found.read += report.read;
      found.coded += report.coded;
      found.peak = Math.max(found.peak, report.memory);
      if (report.wrong !== null) wrong(report.number, report.wrong);
    });
    child.send({ from, to });
  });
}

function keep(number) {
  const { bytes, name } = damaged(number);
  const folder = join(root, 'out', 'fuzz');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}-${number}.onnx`);
  writeFileSync(file, bytes);
  return file;
}

async function work(from, to) {
  const load = (path) => import(pathToFileURL(join(dist, path)).href);
  const { importModel } = await load('compiler/import/index.js');
  const { preparePasses, runPasses } = await load('compiler/passes/index.js');
  const { SystoleError, zeros } = await load('core/index.js');
  const { bindDims, interpretValues, openDims } = await load('graph/index.js');
  const { explainFates } = await load('compiler/index.js');
  const { loadMachine } = await load('hw-configs/index.js');
  const machine = values.check ? await loadMachine({ preset: 'edge-systolic-32' }) : null;
  const send = (report) => new Promise((sent) => process.send(report, sent));
  for (const { bytes, name } of seeds.slice(0, 10)) await importModel(bytes, { name }).catch(() => undefined);
  for (let number = from; number < to; number++) {
    const { bytes, name } = damaged(number);
    await send({ kind: 'begin', number });
    const report = { kind: 'result', number, read: 0, coded: 0, wrong: null, memory: 0 };
    const before = process.memoryUsage.rss();
    forgetPeak();
    try {
      const model = await importModel(bytes, { name });
      const { graph, diagnostics } = model;
      report.read++;
      wrongIfStumbled(report, diagnostics);
      if (machine !== null) {
        const told = explainFates(model, machine, { precision: 'auto', dims: sizesOf(graph), calibration: null });
        wrongIfStumbled(report, [...told.problems, ...told.diagnostics]);
      }
      const prepared = runPasses(graph, preparePasses);
      const bound = bindDims(prepared, sizesOf(prepared));
      if (name === 'node' && isLittle(bound)) interpretValues(bound, operands(bound));
    } catch (error) {
      const diagnostics = error instanceof SystoleError ? error.diagnostics : [];
      // Coded errors too, but they say that an operator's definition is at fault.
      const fault = diagnostics.find((d) => stumbles.includes(d.code));
      if (diagnostics.length > 0 && fault === undefined) report.coded += report.read === 0 ? 1 : 0;
      else
        report.wrong = fault === undefined ? String(error.stack).split('\n').slice(0, 3).join(' ').slice(0, 300) : nameless(fault.message);
    }
    report.memory = Math.max(0, peakMemory() - before);
    if (report.memory > 4 * bytes.length + allowance) report.wrong = 'took more memory than 4 times the file and 256 MiB';
    await send(report);
  }
  await send({ kind: 'done' });

  function sizesOf(graph) {
    const symbols = openDims(graph).flatMap(({ symbol }) => (symbol === null ? [] : [symbol]));
    return Object.fromEntries(symbols.map((symbol, i) => [symbol, 1 + (i % 3)]));
  }
  function operands(graph) {
    return new Map(
      graph.inputs.map((id) => {
        const { name, type } = graph.values[id];
        const tensor = zeros(type.dtype, type.shape);
        for (let i = 0; i < tensor.data.length && type.dtype !== 'string'; i++)
          tensor.data[i] = typeof tensor.data[i] === 'bigint' ? BigInt(i % 3) : i % 3;
        return [name, type.container === undefined ? tensor : { kind: 'sequence', dtype: type.dtype, elements: [tensor] }];
      }),
    );
  }
}

/** Values small enough that running any operator on them should take no time. */
function isLittle(graph) {
  return graph.values.every(({ type }) => type.shape.every((d) => typeof d === 'number') && type.shape.reduce((n, d) => n * d, 1) <= 4096);
}

/** Milliseconds a process has computed; elsewhere than on Linux those that have passed. */
function computed(pid) {
  if (process.platform !== 'linux') return performance.now();
  // proc(5): fields 14 and 15, behind a name that may hold blanks, in hundredths of a second.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** The peak of this process since `forgetPeak`, in bytes; elsewhere than on Linux since it began. */
function peakMemory() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;
}

function forgetPeak() {
  // proc(5): 5 sets the peak to what is resident now.
  if (process.platform === 'linux') writeFileSync('/proc/self/clear_refs', '5');
}

/** Exceptions of operator definitions, caught and told as errors: of the node, or as a note where it is in a body. */
function wrongIfStumbled(report, diagnostics) {
  const told = diagnostics.find((d) => stumbles.includes(d.code) || /could not be (understood|computed) \(/.test(d.message));
  if (told !== undefined) report.wrong = nameless(told.message);
}

/** Messages that differ in names only are one finding. */
function nameless(message) {
  return message.replaceAll(/"[^"]*"/g, '"…"');
}

async function loadCodec(dist) {
  const load = (path) => import(pathToFileURL(join(dist, path)).href);
  const { decodeModel, encodeModel } = await load('onnx/index.js');
  const { opDefs } = await load('graph/index.js');
  return { decodeModel, encodeModel, opDefs };
}

async function seedFiles(dist) {
  const { buildModel, models } = await import(pathToFileURL(join(dist, 'models/index.js')).href);
  const seeds = [];
  for (const { name } of models) {
    const bytes = buildModel(name);
    if (bytes.length <= largestSeed) seeds.push({ name, bytes });
  }
  const folder = join(process.env.SYSTOLE_DATA ?? join(root, '../shared/data'), 'onnx/models');
  if (!existsSync(folder)) console.warn(`SKIPPED: no ${folder}; set SYSTOLE_DATA to damage the collected models too`);
  for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
    const bytes = new Uint8Array(readFileSync(join(folder, name, 'model.onnx')));
    if (bytes.length <= largestSeed) seeds.push({ name, bytes });
  }
  return seeds;
}

/** Case `number` of the run: always the same bytes. By turns the file is damaged, what it says, and a node is made up. */
function damaged(number) {
  const random = generator(number);
  const below = (n) => Math.floor(random() * n);
  if (number % 3 === 0) return { name: 'node', bytes: madeUp(below) };
  const { name, bytes } = seeds[below(seeds.length)];
  if (number % 3 === 1) return { name, bytes: distorted(bytes, below) };
  let result = Uint8Array.from(bytes);
  // Half of the damage goes to the first kilobytes, where structure is denser than weights.
  const place = () => below(random() < 0.5 ? Math.min(result.length, 4096) : result.length);
  for (let edits = 1 + below(4); edits > 0 && result.length > 0; edits--) {
    const at = place();
    switch (below(7)) {
      case 0:
        result[at] = below(256);
        break;
      case 1:
        result[at] ^= 1 << below(8);
        break;
      case 2:
        result.fill(0xff, at, at + 1 + below(9));
        break;
      case 3:
        result = result.subarray(0, at);
        break;
      case 4: {
        // A piece moved elsewhere: fields with the contents of others.
        const piece = result.slice(at, at + 1 + below(64));
        result.set(piece.subarray(0, Math.max(0, result.length - 64)), below(Math.max(1, result.length - 64)));
        break;
      }
      case 5: {
        // A small number made large, or a name made another.
        const c = result[at];
        result[at] = c >= 0x61 && c <= 0x7a ? 0x61 + below(26) : c + 1 + below(16);
        break;
      }
      default:
        result = Uint8Array.from([...result.subarray(0, at), ...result.subarray(Math.min(result.length, at + 1 + below(8)))]);
    }
  }
  return { name, bytes: result };
}

/** A sound file that says something else: operators, operands, attributes, sizes exchanged. */
function distorted(bytes, below) {
  const { decodeModel, encodeModel, opDefs } = codec;
  const { model } = decodeModel(bytes);
  const pick = (list) => list[below(list.length)];
  const edits = 1 + below(4);
  const distort = (graph) => {
    const nodes = graph.nodes.map((n) => ({ ...n }));
    const values = [...nodes.flatMap((n) => n.outputs), ...graph.inputs.map((v) => v.name), ...graph.initializers.map((t) => t.name), ''];
    const dim = () => (below(4) === 0 ? pick(['n', null]) : pick(sizes));
    const shape = (dims) =>
      below(8) === 0 ? null : (below(4) === 0 ? [...(dims ?? []), 1] : (dims ?? [1])).map((d) => (below(2) === 0 ? dim() : d));
    const retype = (v) => (v.type.kind === 'tensor' ? { ...v, type: { ...v.type, shape: shape(v.type.shape) } } : v);
    let { inputs, initializers } = graph;
    for (let i = 0; i < edits && nodes.length > 0; i++) {
      const node = pick(nodes);
      const at = (list, change) => {
        const k = below(list.length);
        return list.map((x, j) => (j === k ? change(x) : x));
      };
      switch (below(10)) {
        case 0:
          node.opType = pick(opDefs).name;
          break;
        case 1:
          node.inputs = at(node.inputs, () => pick(values));
          break;
        case 2:
          node.inputs = below(2) === 0 ? node.inputs.slice(0, -1) : [...node.inputs, pick(values)];
          break;
        case 3:
          node.outputs = [...node.outputs, `extra${i}`];
          break;
        case 4:
          node.attributes = at(node.attributes, (a) =>
            a.kind === 'int'
              ? { ...a, value: pick(sizes) }
              : a.kind === 'ints'
                ? { ...a, value: below(3) === 0 ? [...a.value, pick(sizes)] : at(a.value, () => pick(sizes)) }
                : a.kind === 'graph'
                  ? { ...a, value: distort(a.value) }
                  : { ...a, kind: 'int', value: pick(sizes) },
          );
          break;
        case 5:
          node.attributes = [...node.attributes, ...pick(nodes).attributes];
          break;
        case 6:
          inputs = at(inputs, retype);
          break;
        case 7:
          initializers = at(initializers, (t) => {
            const dims = t.dims.map((d) => (below(2) === 0 ? Math.abs(pick(sizes)) : d));
            const count = dims.reduce((a, b) => a * b, 1);
            return count > 0 ? { ...t, dims, data: { kind: 'absent' } } : t;
          });
          break;
        case 8: {
          // Other numbers where shapes and axes come from.
          initializers = at(initializers, (t) => {
            if (t.dtype !== 'int64' || t.data.kind !== 'bytes' || t.data.bytes.length > 64) return t;
            const numbers = BigInt64Array.from({ length: t.data.bytes.length / 8 }, () => BigInt(pick(sizes)));
            return { ...t, data: { kind: 'bytes', bytes: new Uint8Array(numbers.buffer) } };
          });
          break;
        }
        default:
          nodes.splice(below(nodes.length), 1);
      }
    }
    return { ...graph, nodes, inputs, initializers };
  };
  const version = pick([1, 6, 7, 9, 11, 13, 18, 23, 27]);
  const opsetImports = below(4) === 0 ? model.opsetImports.map((o) => (o.domain === '' ? { ...o, version } : o)) : model.opsetImports;
  return encodeModel({ ...model, opsetImports, graph: distort(model.graph) });
}

/** One node of any operator, with attributes of its names and operands that need not fit. */
function madeUp(below) {
  const pick = (list) => list[below(list.length)];
  const list = (item) => Array.from({ length: below(5) }, item);
  const size = () => (below(3) > 0 ? 1 + below(4) : pick([...sizes.filter((n) => n >= 0), 'n', null]));
  const def = pick(codec.opDefs);
  const attribute = (name) =>
    pick([
      { name, refName: '', kind: 'int', value: pick(sizes) },
      { name, refName: '', kind: 'ints', value: list(() => pick(sizes)) },
      { name, refName: '', kind: 'string', value: new TextEncoder().encode('text') },
      { name, refName: '', kind: 'float', value: pick(sizes) },
    ]);
  const attributes = [...Object.keys(def.attributes), 'axis', 'axes'].filter(() => below(3) === 0).map(attribute);
  const usual = list(size);
  const dtype = pick(elementTypes);
  const inputs = [];
  const initializers = [];
  const operands = Array.from({ length: below(6) }, (_, k) => {
    const kind = below(6);
    if (kind === 0) return '';
    if (kind < 4) {
      const numbers = kind === 3 ? [pick(sizes)] : list(() => pick(sizes));
      initializers.push({
        name: `c${k}`,
        dims: kind === 3 ? [] : [numbers.length],
        ...contents(below(3) > 0 ? 'int64' : pick(elementTypes), numbers),
      });
      return `c${k}`;
    }
    const shape = below(8) === 0 ? null : below(2) === 0 ? usual : list(size);
    const tensor = { kind: 'tensor', dtype: below(4) > 0 ? dtype : pick(elementTypes), shape };
    inputs.push({ name: `x${k}`, type: below(20) === 0 ? { kind: 'sequence', element: tensor } : tensor });
    return `x${k}`;
  });
  const outputs = Array.from({ length: 1 + below(3) }, (_, i) => `y${i}`);
  const node = { name: 'node', opType: def.name, domain: def.domain, overload: '', inputs: operands, outputs, attributes };
  const graph = { name: 'g', nodes: [node], initializers, sparseInitializers: [], inputs, valueInfos: [] };
  return codec.encodeModel({
    irVersion: 8,
    producerName: '',
    producerVersion: '',
    opsetImports: [{ domain: '', version: pick([1, 6, 7, 9, 10, 11, 13, 18, 23, 27]) }],
    graph: { ...graph, outputs: outputs.map((name) => ({ name, type: { kind: 'none' } })) },
    functions: [],
    metadata: {},
  });
}

/** Numbers as an element type holds them; where that is not simple, bytes of the right length. */
function contents(dtype, numbers) {
  const bytes = (view) => ({ dtype, data: { kind: 'bytes', bytes: new Uint8Array(view.buffer) } });
  switch (dtype) {
    case 'int64':
      return bytes(BigInt64Array.from(numbers, BigInt));
    case 'float32':
      return bytes(Float32Array.from(numbers));
    case 'int32':
      return bytes(Int32Array.from(numbers));
    case 'string':
      return { dtype, data: { kind: 'strings', strings: numbers.map((n) => new TextEncoder().encode(String(n))) } };
    default:
      return bytes(Uint8Array.from({ length: Math.ceil(numbers.length * ({ float16: 2, complex64: 8, int4: 0.5 }[dtype] ?? 1)) }, () => 1));
  }
}

/** mulberry32 */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

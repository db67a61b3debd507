/** The memory of the naive machine: one array per region and per window, one element at a time, every touch told to a listener. */
import { bytesPerElement, integerRange, quantize, type Tensor } from '../../src/core/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import type { Executable, Ref } from '../../src/isa/index.ts';

/** A reference that leaves its region or window. */
export class OutsideMemory extends Error {}

/** `area` counts regions, then windows by space. */
export type Listener = (area: number, address: number, bytes: number, does: 'reads' | 'writes') => void;

export interface NaiveMemory {
  read(ref: Ref): Float64Array;
  /** Told separately, because a window operator does not use all it could. */
  tellRead(ref: Ref, used?: Uint8Array): void;
  write(ref: Ref, values: ArrayLike<number>): void;
  /** Bytes of the outputs, one after the other. */
  outputs(): Uint8Array;
}

const addressCache = new WeakMap<Ref, Float64Array>();

/** Byte address of every element in row-major order: `offset + Σ i·stride`, wrapped where there is a ring. */
function addressesOf(ref: Ref): Float64Array {
  const known = addressCache.get(ref);
  if (known !== undefined) return known;
  const count = ref.extents.reduce((n, e) => n * e, 1);
  const list = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let rest = i;
    let address = ref.offset;
    for (let axis = ref.extents.length - 1; axis >= 0; axis--) {
      const extent = ref.extents[axis] ?? 1;
      address += (rest % extent) * (ref.strides[axis] ?? 0);
      rest = Math.floor(rest / extent);
    }
    if (ref.ring !== undefined) {
      const { base, bytes } = ref.ring;
      address = base + ((((address - base) % bytes) + bytes) % bytes);
    }
    list[i] = address;
  }
  addressCache.set(ref, list);
  return list;
}

export function createNaiveMemory(executable: Executable, machine: Machine, listen: Listener | null): NaiveMemory {
  const regions = executable.regions.length;
  const sizes = [...executable.regions.map((r) => r.bytes), ...executable.spaces.map((name) => windowBytes(machine, name))];
  const areas = sizes.map((bytes) => new DataView(new ArrayBuffer(bytes)));
  // Numbers that look like nothing in particular: whoever reads them shows.
  for (const area of areas) for (let i = 0; i < area.byteLength; i++) area.setUint8(i, (i * 167 + 91) & 255);
  const areaOf = (ref: Ref): number => (ref.region >= 0 ? ref.region : regions + ref.space);
  const viewOf = (area: number): DataView => areas[area] ?? new DataView(new ArrayBuffer(0));

  const inside = (ref: Ref): Float64Array => {
    const addresses = addressesOf(ref);
    const last = (sizes[areaOf(ref)] ?? 0) - bytesPerElement(ref.dtype);
    for (const a of addresses) if (a < 0 || a > last) throw new OutsideMemory(`byte ${a} of ${sizes[areaOf(ref)] ?? 0}`);
    return addresses;
  };
  return {
    read(ref) {
      const view = viewOf(areaOf(ref));
      return inside(ref).map((a) => get(view, a, ref));
    },
    tellRead(ref, used) {
      if (listen === null) return;
      const bytes = bytesPerElement(ref.dtype);
      addressesOf(ref).forEach((a, i) => {
        if (used === undefined || used[i] === 1) listen(areaOf(ref), a, bytes, 'reads');
      });
    },
    write(ref, values) {
      const view = viewOf(areaOf(ref));
      const bytes = bytesPerElement(ref.dtype);
      inside(ref).forEach((a, i) => {
        set(view, a, ref, values[i] ?? 0);
        listen?.(areaOf(ref), a, bytes, 'writes');
      });
    },
    outputs() {
      const parts = (executable.entryPoints[0]?.outputs ?? []).map((b) => {
        const bytes = b.shape.reduce((n, d) => n * d, bytesPerElement(b.dtype));
        return new Uint8Array(viewOf(b.region).buffer, b.offset, bytes);
      });
      return Uint8Array.from(parts.flatMap((p) => [...p]));
    },
  };
}

/** Weights and inputs into memory. */
export function loadNaive(memory: NaiveMemory, executable: Executable, inputs: ReadonlyMap<string, Tensor>): void {
  const { weights } = executable;
  const space = executable.regions[weights.region]?.space ?? 0;
  for (const s of weights.segments) {
    memory.write({ space, region: weights.region, dtype: 'uint8', offset: s.offset, extents: [s.bytes], strides: [1] }, s.read());
  }
  for (const b of executable.entryPoints[0]?.inputs ?? []) {
    const data = inputs.get(b.name)?.data;
    if (!(data instanceof Float32Array)) throw new Error(`no float input ${b.name}`);
    const q = b.quantization;
    const stored = q === null ? data : Float64Array.from(data, (v) => quantize(v, q.scale, q.zeroPoint, -128, 127));
    const bytes = bytesPerElement(b.dtype);
    memory.write({ space: 0, region: b.region, dtype: b.dtype, offset: b.offset, extents: [data.length], strides: [bytes] }, stored);
  }
}

function windowBytes(machine: Machine, name: string): number {
  const memory = machine.memories[name];
  return memory?.owner === 'core' ? memory.sizeBytes : 0;
}

function get(view: DataView, address: number, ref: Ref): number {
  switch (ref.dtype) {
    case 'int8':
      return view.getInt8(address);
    case 'uint8':
      return view.getUint8(address);
    case 'int32':
      return view.getInt32(address, true);
    case 'float32':
      return view.getFloat32(address, true);
    default:
      throw new Error(`the naive machine has no ${ref.dtype}`);
  }
}

/** Integers saturate to their type, floats round. */
function set(view: DataView, address: number, ref: Ref, value: number): void {
  if (ref.dtype === 'float32') return view.setFloat32(address, value, true);
  const [lo, hi] = integerRange(ref.dtype);
  const q = Math.min(hi, Math.max(lo, Math.trunc(value)));
  if (ref.dtype === 'int32') view.setInt32(address, q, true);
  else if (ref.dtype === 'int8') view.setInt8(address, q);
  else view.setUint8(address, q);
}

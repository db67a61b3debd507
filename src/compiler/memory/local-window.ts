/**
 * Tile buffers in a core's local memories. Each kernel lays out its slots afresh, even kernels from the bottom, odd ones from the
 * top, so that the next kernel's first loads can start while this one still computes. A new slot inherits what touched its bytes.
 */
import { alignUp } from '../../core/index.ts';
import { createSlot, noMarks, type Resource } from '../schedule/resources.ts';

export interface Slot {
  readonly resource: Resource;
  /** Byte offset in the window. */
  readonly offset: number;
  readonly bytes: number;
}

export interface LocalWindow {
  readonly space: number;
  /** Bytes tiles may use. */
  readonly capacity: number;
  /** Starts the layout of the next kernel. */
  beginKernel(): void;
  /** From which end the next kernel lays out its slots, and to have it so again. */
  layout(): boolean;
  restore(layout: boolean): void;
  allocate(bytes: number): Slot;
  /** A slot inside an allocated range with hazards of its own (rows of a ring). */
  divide(slot: Slot, parts: number): readonly Slot[];
}

/** Slots start at multiples of this: wide enough for any element and a burst. */
export const slotAlignment = 64;

/** Bytes a slot of `bytes` takes in its window. */
export function slotBytes(bytes: number): number {
  return alignUp(Math.max(bytes, 1), slotAlignment);
}

/** @param base first byte tiles may use: what lies below belongs to resident tensors */
export function createLocalWindow(space: number, base: number, size: number): LocalWindow {
  let live: { readonly lo: number; readonly hi: number; readonly resource: Resource }[] = [];
  let fromTop = true;
  let low = base;
  let high = size;

  const inherit = (lo: number, hi: number): Resource => {
    const marks = noMarks();
    const kept: typeof live = [];
    for (const s of live) {
      if (s.lo < hi && lo < s.hi) s.resource.allTouches(marks);
      if (!(lo <= s.lo && s.hi <= hi)) kept.push(s);
    }
    const resource = createSlot(marks);
    kept.push({ lo, hi, resource });
    live = kept;
    return resource;
  };

  return {
    space,
    capacity: size - base,
    beginKernel() {
      fromTop = !fromTop;
      low = base;
      high = size;
    },
    layout: () => fromTop,
    restore(layout) {
      fromTop = layout;
    },
    allocate(bytes) {
      const size = slotBytes(bytes);
      const offset = fromTop ? Math.floor((high - size) / slotAlignment) * slotAlignment : low;
      if (fromTop) high = offset;
      else low = offset + size;
      if (low > high || offset < base) throw new Error(`tile slots exceed memory ${space}: the mapper allowed too much`);
      return { resource: inherit(offset, offset + size), offset, bytes };
    },
    divide(slot, parts) {
      const each = slot.bytes / parts;
      return Array.from({ length: parts }, (_, i) => ({
        offset: slot.offset + i * each,
        bytes: each,
        resource: inherit(slot.offset + i * each, slot.offset + (i + 1) * each),
      }));
    },
  };
}

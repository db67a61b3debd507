/** Buffers kept from one command to the next: allocation would cost more than the arithmetic of a small tile. */

/** The buffer of a slot, at least `bytes` long; its contents last until the slot is asked for again. */
export type Scratch = (slot: string, bytes: number) => ArrayBuffer;

export function createScratch(): Scratch {
  const buffers = new Map<string, ArrayBuffer>();
  return (slot, bytes) => {
    let buffer = buffers.get(slot);
    if (buffer === undefined || buffer.byteLength < bytes) {
      buffer = new ArrayBuffer(Math.max(64, Math.ceil((bytes * 1.25) / 8) * 8));
      buffers.set(slot, buffer);
    }
    return buffer;
  };
}

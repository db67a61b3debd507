/** Files people give by mistake, told by their first bytes. Asked only when reading as ONNX has failed. */
export function recognise(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'an empty file';
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  if (head.startsWith('version https://git-lfs')) return 'a Git LFS pointer (fetch the file itself with `git lfs pull`)';
  if (head.startsWith('PK\x03\x04')) return 'a ZIP archive (a PyTorch checkpoint, perhaps: export it to ONNX)';
  if (head.startsWith('\x1f\x8b')) return 'a gzip archive';
  if (head.slice(4, 8) === 'TFL3') return 'a TensorFlow Lite model';
  if (head.slice(4, 8) === 'ORTM') return 'a model in ONNX Runtime’s own ORT format';
  if (head.startsWith('\x89HDF')) return 'an HDF5 file (a Keras model, perhaps)';
  if (bytes[0] === 0x80 && (bytes[1] ?? 0) >= 2 && (bytes[1] ?? 0) <= 5) return 'a Python pickle (a PyTorch checkpoint, perhaps)';
  if (head.startsWith('GGUF')) return 'a GGUF model';
  if (head.startsWith('\x93NUMPY')) return 'a NumPy array';
  if (/^.{8}\{"/s.test(head)) return 'a safetensors file';
  if (/^\s*<(!doctype|html|\?xml)/i.test(head)) return 'an HTML or XML page (a download that failed, perhaps)';
  if (/^\s*[[{]/.test(head) && isText(bytes)) return 'JSON text';
  if (isText(bytes)) return 'a text file';
  return undefined;
}

/** Printable ASCII and line breaks only, in the first kilobyte. A model has control bytes within its first few. */
function isText(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 1024).every((b) => (b >= 0x20 && b < 0x7f) || b === 0x09 || b === 0x0a || b === 0x0d || b >= 0xc2);
}

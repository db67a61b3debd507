/** Files people give by mistake, told by their first bytes (zip archives by the names at their end): what they are, and how to come to ONNX from there. */

export interface FileKind {
  /** "a gzip archive" */
  readonly what: string;
  /** A sentence: what to do where an ONNX model was wanted. */
  readonly toOnnx: string;
  /** Can be read as text, whatever else it is. */
  readonly isText: boolean;
}

const exportIt = 'Give a file written by an ONNX exporter.';

/** What anybody may have given in place of a file of ours; undefined where nothing tells. Says nothing about ONNX models. */
export function foreignKind(bytes: Uint8Array): FileKind | undefined {
  const head = latin1(bytes.subarray(0, 512));
  return bytes.length === 0
    ? binary('an empty file', exportIt)
    : (special(head) ?? archive(bytes, head) ?? framework(bytes, head) ?? media(head) ?? text(bytes, head));
}

/** The same, and ONNX models: for those who wanted something else. */
export function fileKind(bytes: Uint8Array): FileKind | undefined {
  const kind = foreignKind(bytes);
  return kind === undefined && looksLikeOnnx(bytes) ? binary('an ONNX model', 'It is one.') : kind;
}

function binary(what: string, toOnnx: string): FileKind {
  return { what, toOnnx, isText: false };
}

/** Text that is not what it stands for, and our own files. */
function special(head: string): FileKind | undefined {
  if (head.startsWith('\x89NPU'))
    return binary(
      'a compiled program (.npu)',
      'It can be simulated, reported on and disassembled; name the ONNX file it was compiled from.',
    );
  if (head.startsWith('version https://git-lfs')) return binary('a Git LFS pointer', 'Fetch the file itself with `git lfs pull`.');
  if (/^\s*<(!doctype html|html)/i.test(head))
    return binary(
      'an HTML page',
      'A download that failed or wants a login, perhaps: open the address in a browser and fetch the file itself.',
    );
  if (/^\s*(<\?xml[^>]*>\s*)?<net\b/.test(head))
    return binary('an OpenVINO model (XML)', 'There is no way back from it: export the model to ONNX from its framework.');
  if (/^\s*<\?xml/.test(head)) return binary('an XML file', exportIt);
  return undefined;
}

function archive(bytes: Uint8Array, head: string): FileKind | undefined {
  // oxlint-disable-next-line no-control-regex
  if (/^PK(\x03\x04|\x05\x06)/.test(head)) return zip(bytes);
  const packed = packers.find(([magic]) => head.startsWith(magic));
  if (packed !== undefined) return binary(packed[1], `Unpack it first (${packed[2]}), and give the model inside.`);
  if (head.slice(257, 262) === 'ustar') return binary('a tar archive', 'Unpack it first (tar -xf), and give the model inside.');
  return undefined;
}

const packers: readonly (readonly [string, string, string])[] = [
  ['\x1f\x8b', 'a gzip archive', 'gunzip, or tar -xzf'],
  ['\x28\xb5\x2f\xfd', 'a zstd archive', 'unzstd'],
  ['\xfd7zXZ', 'an xz archive', 'unxz'],
  ['BZh', 'a bzip2 archive', 'bunzip2'],
  ['7z\xbc\xaf', 'a 7-Zip archive', '7z x'],
  ['Rar!', 'a RAR archive', 'unrar x'],
];

const fromTorch = 'Load it in PyTorch and export it: torch.onnx.export(model, inputs, "model.onnx").';
const fromKeras = 'Load it in Keras and export it: model.export("model.onnx", format="onnx").';

/** The names of a zip archive stand at its end. */
function zip(bytes: Uint8Array): FileKind {
  const names = latin1(bytes.subarray(-65536));
  if (/\/(data\.pkl|constants\.pkl)/.test(names)) return binary('a PyTorch file (.pt)', fromTorch);
  if (/model\.weights\.h5/.test(names)) return binary('a Keras model', fromKeras);
  if (/\.npy/.test(names))
    return binary('a NumPy archive (.npz)', 'It holds input values (--values, --inputs, --calibrate): give the model itself.');
  // oxlint-disable-next-line no-control-regex
  const model = /PK\x01\x02[^]{42}([\w./ -]+?\.onnx)/.exec(names)?.[1];
  return binary('a ZIP archive', `Unpack it first (unzip), and give ${model === undefined ? 'the model inside' : `"${model}"`}.`);
}

function framework(bytes: Uint8Array, head: string): FileKind | undefined {
  if (head.slice(4, 8) === 'TFL3')
    return binary('a TensorFlow Lite model', 'Convert it: python -m tf2onnx.convert --tflite model.tflite --output model.onnx.');
  if (head.slice(4, 8) === 'ORTM') return binary('a model in the ORT format of ONNX Runtime', 'Give the .onnx file it was made from.');
  if (head.startsWith('\x89HDF')) return binary('an HDF5 file (a Keras model, perhaps)', fromKeras);
  if (bytes[0] === 0x80 && (bytes[1] ?? 0) >= 2 && (bytes[1] ?? 0) <= 5)
    return binary('a Python pickle (a PyTorch checkpoint, perhaps)', fromTorch);
  if (head.startsWith('GGUF')) return binary('a GGUF model', 'Export the model to ONNX from the framework it was made in.');
  if (head.startsWith('\x93NUMPY'))
    return binary('a NumPy array (.npy)', 'It holds input values (--values, --inputs, --calibrate): give the model itself.');
  if (/^[^]{8}\{"/.test(head))
    return binary(
      'a safetensors file',
      'It holds weights alone: load them into their model and export that, or use optimum-cli export onnx.',
    );
  // saved_model_schema_version = 1, then a MetaGraphDef, whose first field is a message too.
  // oxlint-disable-next-line no-control-regex
  if (/^\x08\x01\x12[^]{1,5}\x0a/.test(head) && /serve|tensorflow|\x2a[^]{1,2}\d+\.\d+\.\d/i.test(head))
    return binary(
      'a TensorFlow SavedModel',
      'Convert its directory: python -m tf2onnx.convert --saved-model DIRECTORY --output model.onnx.',
    );
  // A list of NodeDefs: name, then operator.
  // oxlint-disable-next-line no-control-regex
  if (/^\x0a[^]{1,5}?\x0a[^][\w./-]+\x12[^][A-Z]\w+/.test(head))
    return binary(
      'a TensorFlow graph',
      'Convert it: python -m tf2onnx.convert --graphdef graph.pb --inputs IN:0 --outputs OUT:0 --output model.onnx.',
    );
  return undefined;
}

const pictures: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG/, 'an image (PNG)'],
  [/^\xff\xd8\xff/, 'an image (JPEG)'],
  [/^GIF8/, 'an image (GIF)'],
  [/^RIFF[^]{4}WEBP/, 'an image (WebP)'],
  [/^%PDF-/, 'a PDF document'],
  [/^\x7fELF/, 'a program or library (ELF)'],
  [/^MZ[^]{58}/, 'a program or library (Windows)'],
  [/^(\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe)/, 'a program or library (macOS)'],
];

function media(head: string): FileKind | undefined {
  const found = pictures.find(([magic]) => magic.test(head));
  return found === undefined ? undefined : binary(found[1], exportIt);
}

function text(bytes: Uint8Array, head: string): FileKind | undefined {
  if (/^(\xff\xfe|\xfe\xff)/.test(head)) return { what: 'a text file (UTF-16)', toOnnx: exportIt, isText: true };
  const isText = isUtf8(bytes.subarray(0, 1024));
  if (!isText) return undefined;
  if (/^\s*(;.*\n\s*)*systole \d/.test(head)) return { what: 'program text', toOnnx: 'Make a program of it with `systole asm`.', isText };
  return { what: /^\s*[[{]/.test(head) ? 'JSON text' : 'a text file', toOnnx: exportIt, isText };
}

/** The start of a text: no control characters but line breaks and tabs, and characters as UTF-8 writes them. */
function isUtf8(bytes: Uint8Array): boolean {
  if (!bytes.every((b) => (b >= 0x20 && b !== 0x7f) || (b >= 0x09 && b <= 0x0d))) return false;
  try {
    // The last character may be cut.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** ir_version, a small number; then any other field of a ModelProto, by number and wire type. */
function looksLikeOnnx(bytes: Uint8Array): boolean {
  const [tag = 0, version = 0, next = 0] = bytes;
  return tag === 0x08 && version > 0 && version < 64 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72].includes(next);
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}

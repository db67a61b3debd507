/** One graph of the transform pack: imported, and what the passes recover in it. */
import { importModel, prepare } from '../../src/compiler/index.ts';
import { decodeModel, encodeModel } from '../../src/onnx/index.ts';
import { failureOf } from './failure.ts';
import type { TestFiles } from './packs.ts';
import { withoutDeclaredTypes } from './strip-types.ts';

export interface TransformCase {
  /** null when it imports as it is, and without its declared types. */
  readonly failure: string | null;
  /** Composites recovered, by what they are. */
  readonly recovered: Readonly<Record<string, number>>;
  readonly outputs: number;
  /** Outputs whose rank is known without declared types. */
  readonly ranked: number;
}

/** A report line of the passes that put composites together again: "2 × Gelu: …". */
const reportLine = /^(\d+) × ([^:]+):/;

export async function transformCase(name: string, files: TestFiles): Promise<TransformCase> {
  const bytes = files.read('model.onnx') ?? new Uint8Array();
  try {
    const imported = await importModel(bytes, { name });
    const bare = await importModel(encodeModel(withoutDeclaredTypes(decodeModel(bytes).model)), { name });
    const prepared = prepare(imported);
    const recovered: Record<string, number> = {};
    for (const { code, message } of prepared.diagnostics) {
      const [, count = '0', what = ''] = code.startsWith('SYS426') ? (reportLine.exec(message) ?? []) : [];
      if (what !== '') recovered[what] = (recovered[what] ?? 0) + Number(count);
    }
    const { graph } = bare;
    return {
      failure: null,
      recovered,
      outputs: graph.outputs.length,
      ranked: graph.outputs.filter((id) => graph.values[id]?.type.unranked !== true).length,
    };
  } catch (error) {
    return { failure: failureOf(error).what, recovered: {}, outputs: 0, ranked: 0 };
  }
}

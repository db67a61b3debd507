import { describe, expect, test } from 'vitest';
import { SystoleError } from '../../src/core/index.ts';
import { expandStudy, parseStudy, settingsOf } from '../../src/explore/index.ts';

function diagnosticsOf(text: string): readonly string[] {
  try {
    parseStudy(text, 'study.yaml');
  } catch (error) {
    if (error instanceof SystoleError) return error.diagnostics.map((d) => `${d.code} ${d.location?.line ?? '-'} ${d.message}`);
    throw error;
  }
  return [];
}

describe('a study', () => {
  const text = `
models: [resnet18, net.onnx]
target: edge-systolic-32
parameters:
  cores.npu.matrix.rows: [16, 32]
  memories.dram.bandwidth: ["6.4 GB/s", "12.8 GB/s"]
`;

  test('is all combinations, the last parameter fastest', () => {
    const points = expandStudy(parseStudy(text, 'dir/array.yaml'));
    expect(points).toHaveLength(8);
    expect(points.slice(0, 3).map((p) => `${p.model} ${settingsOf(p.parameters).join(' ')}`)).toEqual([
      'resnet18 cores.npu.matrix.rows=16 memories.dram.bandwidth=6.4 GB/s',
      'resnet18 cores.npu.matrix.rows=16 memories.dram.bandwidth=12.8 GB/s',
      'resnet18 cores.npu.matrix.rows=32 memories.dram.bandwidth=6.4 GB/s',
    ]);
    expect(points[4]?.model).toBe('net.onnx');
  });

  test('has a name from its file, default objectives, and takes single names for lists', () => {
    const study = parseStudy('models: resnet18\ntarget: tpu-v1\n', 'dir/array.yaml');
    expect(study.name).toBe('array');
    expect(study.models).toEqual(['resnet18']);
    expect(study.objectives).toEqual(['seconds', 'energyJoules', 'areaMm2']);
    expect(expandStudy(study)).toHaveLength(1);
  });

  test('with misspelt and missing keys is told all of them, with lines and suggestions', () => {
    const problems = diagnosticsOf('modles: resnet18\ntarget: tpu-v1\nparameters:\n  cores.npu.matrix.rows: 16\n');
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).toContain('SYS7001 1 "modles": unknown key');
    expect(problems.join('\n')).toContain('Did you mean "models"?');
    expect(problems.join('\n')).toMatch(/SYS7001 4 "parameters.cores.npu.matrix.rows": a list of values is needed/);
    expect(problems.join('\n')).toMatch(/SYS7001 .*"models": a model or a list of models is needed/);
  });

  test('that is no YAML, or empty, says so', () => {
    expect(diagnosticsOf('models: [a\n')[0]).toMatch(/^SYS7002 /);
    expect(diagnosticsOf('').map((p) => p.slice(0, 7))).toEqual(['SYS7001', 'SYS7001']);
  });

  test('of a million points is refused before anything runs', () => {
    const many = Array.from({ length: 1001 }, (_, i) => i).join(', ');
    const study = parseStudy(`models: a\ntarget: b\nparameters:\n  x: [${many}]\n  y: [${many}]\n`, 's.yaml');
    expect(() => expandStudy(study)).toThrow(/1002001 points/);
  });
});

import { fail, formatDiagnostic, type Diagnostic } from '../../core/index.ts';
import type { Command } from '../command.ts';
import { readText } from '../files.ts';
import { terminalWidth } from '../environment.ts';
import { note, print } from '../output.ts';
import { columns } from '../wrap.ts';
import { UsageError } from '../values.ts';

export const targetsCommand: Command = {
  name: 'targets',
  positionals: [{ name: 'name', required: false, summary: 'a preset or a YAML file to show' }],
  summary: 'List the machines that come along, show one, or check a description',
  options: ['validate', 'set', 'yaml', 'json'],
  examples: [
    ['targets', 'list the presets'],
    ['targets edge-systolic-32 --yaml > mine.yaml', 'start a description of your own'],
    ['targets tpu-v1 --set memories.dram.bandwidth="68 GB/s" --json', 'show what a setting makes of it'],
    ['targets --validate mine.yaml', 'all problems of a description, with line and column'],
  ],
  async run(values) {
    const machines = await import('../../hw-configs/index.ts');
    const name = values.positional('name');
    const file = values.text('validate');
    if (file === undefined && name === '' && (values.flag('yaml') || values.texts('set').length > 0))
      throw new UsageError('--yaml and --set need a target to show: name a preset or a file');
    if (file !== undefined) {
      if (values.flag('yaml')) throw new UsageError('--validate checks a description, --yaml prints one: give one of them');
      if (name !== '') throw new UsageError('either show a target or validate a file, not both');
      const { machine, diagnostics } = await machines.readMachineSource(
        { yaml: await readText(file, 'a machine description (YAML)'), file },
        values.texts('set'),
      );
      report(file, diagnostics);
      if (machine !== null) print(values.flag('json') ? JSON.stringify(machine, null, 2) : `${file}: fine, this is ${machine.name}`);
    } else if (name === '') {
      const rows = machines.presetNames.map((preset) => [preset, machines.presetSummaries[preset] ?? '']);
      print(
        values.flag('json')
          ? JSON.stringify(
              rows.map(([preset, summary]) => ({ name: preset, description: summary })),
              null,
              2,
            )
          : columns(rows, terminalWidth(process.stdout)),
      );
    } else {
      const { loadTarget, targetText } = await import('../target.ts');
      if (values.flag('yaml')) {
        if (values.texts('set').length > 0 || values.flag('json'))
          throw new UsageError('--yaml prints the description as it is written: without --set and --json');
        return print(await targetText(name));
      }
      const machine = await loadTarget(name, values.texts('set'));
      print(values.flag('json') ? JSON.stringify(machine, null, 2) : machines.describeMachine(machine));
    }
  },
};

/** Errors end the command; warnings are told and let it pass. */
function report(file: string, diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.some((d) => d.severity === 'error')) fail(...diagnostics);
  for (const d of diagnostics) note(formatDiagnostic({ ...d, location: d.location ?? { file } }));
}

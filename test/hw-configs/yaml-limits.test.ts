import { expect, test } from 'vitest';
import { validateMachine } from '../../src/hw-configs/index.ts';

test('a second document in the file is an error where it begins', async () => {
  const [first] = await validateMachine('name: a\n---\nname: b\n', 'two.yaml');
  expect(first).toMatchObject({ code: 'SYS2002', severity: 'error', location: { file: 'two.yaml', line: 2 } });
  expect(first?.message).toContain('a second document begins here');
});

test('an alias bomb is refused before it is expanded', async () => {
  const levels = 'abcdefghij'.split('');
  const lines = levels.map(
    (name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => (i === 0 ? 'x' : `*${levels[i - 1]}`)).join(',')}]`,
  );
  const [first] = await validateMachine(`${lines.join('\n')}\n`, 'bomb.yaml');
  expect(first?.message).toContain('81 aliases');
});

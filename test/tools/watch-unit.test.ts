import { expect, test } from 'vitest';
import { cronLine, unitText } from '../../src/tools/watch-unit.ts';

test('a crontab has one line for a repository, quoted, and none where its path would end the line', () => {
  expect(cronLine("/home/ada/it's 100 %")).toMatch(
    /^\*\/10 \* \* \* \* '.+' 'monitor' '--once' '--repo' '\/home\/ada\/it'\\''s 100 \\%' >\/dev\/null$/,
  );
  for (const path of ['/home/ada/a\nb', '/home/ada/a\rb', '/home/ada/a\tb']) expect(cronLine(path)).toBeNull();
});

test('a unit file stays one whatever the path', () => {
  const lines = unitText('/home/ada/a\n[Service]\nExecStart=/bin/evil').split('\n');
  expect(lines.filter((line) => line.startsWith('ExecStart='))).toHaveLength(1);
  expect(lines.filter((line) => line === '[Service]')).toHaveLength(1);
});

import { hookFailure } from '../src/hook.js';
import { redactText } from '../src/redact.js';

describe('text of somebody else’s', () => {
  test.each([
    ['postgres://app:hunter2@db/prod', 'postgres://db/prod'],
    ['redis://:hunter2@cache:6379', 'redis://cache:6379'],
    ['mongodb+srv://app:hunter2@c.example.com/x?authSource=admin', 'mongodb+srv://c.example.com/x?authSource=…'],
    ['connecting to ws://app:hunter2@h failed', 'connecting to ws://h failed'],
    ['"amqp://app:hunter2@mq"', '"amqp://mq"'],
    ['app:hunter2@db.example.com:5432 refused', '…@db.example.com:5432 refused'],
    ['//app:hunter2@db/x', '//…@db/x'],
    ['https://h/a?token=hunter2', 'https://h/a?token=…'],
    ['Bearer\thunter2', 'Bearer …'],
    ['bearer\u00a0hunter2', 'bearer …'],
    ['ApiKey hunter2', 'ApiKey …'],
  ])('%j is shown as %j', (text, shown) => {
    expect(redactText(text)).toBe(shown);
    expect(hookFailure('it threw', new Error(text)).message).not.toContain('hunter2');
  });

  test.each(['at 10:30 for a@example.com', 'TypeError: x is not a function', 'C:\\temp\\x', 'a: b', 'key:value'])(
    '%j stays as it is',
    (text) => expect(redactText(text)).toBe(text),
  );

  test('is cut before it is searched, and not within what may be a URL with a password', () => {
    expect(redactText('http://a/?b=1 '.repeat(500_000)).length).toBeLessThan(1500);
    expect(redactText(`${'x'.repeat(2000)}`)).toBe(`${'x'.repeat(1000)}…`);
    for (let before = 960; before < 1000; before++) {
      const text = redactText(`${'?'.repeat(before)} postgres://app:hunter2@db/prod and more`.padEnd(1100, 'z'));
      expect(text).not.toMatch(/hunte|hunt|hun$|app:h/);
    }
  });
});

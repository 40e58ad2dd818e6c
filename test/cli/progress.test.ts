import { progressBar } from '../../src/cli/progress.js';

function drawing() {
  const written: string[] = [];
  return { written, output: { write: (text: string) => written.push(text) } };
}

test('the bar is redrawn in place and leaves no trace', () => {
  const { written, output } = drawing();
  const bar = progressBar(output, 'in parallel', 3);
  for (let i = 0; i < 3; i++) bar.step();
  bar.clear();
  expect(written).toEqual([
    `\r\x1b[Kin parallel ${'░'.repeat(30)} 0/3`,
    `\r\x1b[Kin parallel ${'█'.repeat(10)}${'░'.repeat(20)} 1/3`,
    `\r\x1b[Kin parallel ${'█'.repeat(20)}${'░'.repeat(10)} 2/3`,
    `\r\x1b[Kin parallel ${'█'.repeat(30)} 3/3`,
    '\r\x1b[K',
  ]);
});

test('however many there are, it is drawn once for each percent, and never beyond its end', () => {
  const { written, output } = drawing();
  const bar = progressBar(output, 'in parallel', 5000);
  for (let i = 0; i < 6000; i++) bar.step();
  expect(written).toHaveLength(101);
  expect(written.at(-1)).toBe(`\r\x1b[Kin parallel ${'█'.repeat(30)} 5000/5000`);
});

// Every table is a file here whose default export measures it: (options, log) → Markdown.

export const tables = [
  'throughput',
  'sizes',
  'fragments',
  'tail',
  'sequential',
  'memory',
  'startup',
  'sick',
  'hedge',
  'cached',
  'store',
  'hostile',
  'inspected',
  'file',
  'late',
  'markup',
];

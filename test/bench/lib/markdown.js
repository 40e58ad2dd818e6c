/** A Markdown table: the first column is text, the others are numbers and stand to the right. */
export function table(head, rows) {
  const lines = [head, head.map((_, column) => (column ? '---:' : '---')), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

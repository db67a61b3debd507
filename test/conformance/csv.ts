/** Comma-separated values with quotes (RFC 4180), the first line naming the columns. */
export type Row = Readonly<Record<string, string>>;

export function parseCsv(text: string): readonly Row[] {
  const [header = [], ...lines] = readLines(text);
  return lines.map((fields) => Object.fromEntries(header.map((name, i) => [name, fields[i] ?? ''])));
}

function readLines(text: string): string[][] {
  const lines: string[][] = [];
  let fields: string[] = [];
  for (let at = 0; at < text.length;) {
    const { value, end } = text[at] === '"' ? quoted(text, at + 1) : plain(text, at);
    fields.push(value);
    at = end;
    if (text[at] === ',') {
      at++;
      // A comma at the very end leaves one more, empty field.
      if (at >= text.length || text[at] === '\n' || text[at] === '\r') fields.push('');
      else continue;
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    lines.push(fields);
    fields = [];
  }
  return lines;
}

function plain(text: string, from: number): { value: string; end: number } {
  let end = from;
  while (end < text.length && !',\r\n'.includes(text[end] ?? '')) end++;
  return { value: text.slice(from, end), end };
}

function quoted(text: string, from: number): { value: string; end: number } {
  let value = '';
  for (let at = from; ;) {
    const close = text.indexOf('"', at);
    if (close < 0) return { value: value + text.slice(at), end: text.length };
    value += text.slice(at, close);
    if (text[close + 1] !== '"') return { value, end: close + 1 };
    value += '"';
    at = close + 2;
  }
}

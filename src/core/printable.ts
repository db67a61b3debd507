/**
 * Names come from files of strangers: written raw, they could move the cursor of a terminal, rewrite lines, or turn the direction of
 * writing.
 */

/** Control characters, line breaks, marks that turn the direction of writing, and characters nobody sees. */
// oxlint-disable-next-line no-control-regex
const unseen = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** Unseen characters as \uXXXX; what is left takes place where it stands. */
export function visible(text: string): string {
  return text.replace(unseen, escaped);
}

/** The same but for line breaks, tabs, and the colours that reports use. Text in JSON stays JSON. */
// oxlint-disable-next-line no-control-regex
const unprintable = /(\u001b\[(?:0|1|2|33)m|[\t\n])|[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function printable(text: string): string {
  return text.replace(unprintable, (c, kept: string | undefined) => kept ?? escaped(c));
}

/** A string in quotes, as JSON has it, of characters that can be seen. */
export function quoted(text: string): string {
  return visible(JSON.stringify(text));
}

function escaped(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

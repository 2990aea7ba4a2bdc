/** Markup that needs no further escaping. Only `html` makes it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template whose every value is escaped, for text and for quoted attributes, unless it is `Html` itself. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html {
  const render = (value: string | number | Html | readonly Html[]): string => {
    if (value instanceof Html) return value.text;
    if (typeof value === 'object') return value.map((item) => item.text).join('');
    return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
  };
  return new Html(parts.reduce((text, part, index) => text + render(values[index - 1] ?? '') + part));
}

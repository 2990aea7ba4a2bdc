/** Markup whose every interpolated value was escaped, or is markup itself. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
type Value = string | number | Html | readonly Html[] | undefined | false;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};
export const escape = (text: string): string => text.replace(/[&<>"'`]/g, (character) => ENTITIES[character] ?? '');

export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  const render = (value: Value): string => {
    if (value === undefined || value === false) return '';
    if (value instanceof Html) return value.text;
    return typeof value === 'object' ? value.map((item) => item.text).join('') : escape(String(value));
  };
  return new Html(
    strings.reduce((text, part, index) => text + part + (index < values.length ? render(values[index]) : ''), ''),
  );
}

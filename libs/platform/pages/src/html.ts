/** Markup that needs no further escaping. Only this library makes it: everybody else writes an `html` template. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }
}

/** `undefined` and `false` leave nothing, so that a part can be written as `condition && html`…``. */
type Value = string | number | Html | readonly Html[] | undefined | false;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** A template whose every value is escaped, for text and for quoted attributes, unless it is markup itself. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.reduce((text, part, index) => text + render(values[index - 1]) + part));
}

const isList = (value: Value): value is readonly Html[] => Array.isArray(value);

function render(value: Value): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (isList(value)) return value.map(render).join('');
  return String(value).replace(/[&<>"'`]/g, (character) => ENTITIES[character] ?? '');
}

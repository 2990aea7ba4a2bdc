import { html, type Html } from '@sallyport/pages';

/** The hidden fields of every form: what its page showed, signed for this browser and this request (S35). */
export function shownFields({ shown, token }: { readonly shown: string; readonly token: string }): Html {
  return html`<input type="hidden" name="form_token" value="${token}">
<input type="hidden" name="shown" value="${shown}">`;
}

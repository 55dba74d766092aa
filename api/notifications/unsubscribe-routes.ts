import { z } from 'zod';
import { showUnsubscribe, unsubscribe } from '../../domains/notifications';
import type { DoorContext } from '../http/door';
import { invalidField } from '../http/problems';
import type { RawInput, Route } from '../http/route';
import { donePage, offerPage, PAGE_HEADERS, unknownPage } from './unsubscribe-page';

const TAG = 'Unsubscribing';
const PATH = '/u/{token}';
const FORM = 'application/x-www-form-urlencoded';

const params = z.object({
  token: z
    .string()
    .min(1)
    .max(1_000)
    .meta({ description: 'Says whom to unsubscribe from what; only Waybill can make it.', example: 'AQR0ZXN0' }),
});

const html = z.string().meta({ description: 'A page for people.' });
const HTML = 'text/html; charset=utf-8';
const HEADERS = { 'Content-Security-Policy': 'Nothing comes from elsewhere.' };

/**
 * Where links in messages lead. Nobody has an API key there: the token says whom it is for. Scanners of mail follow every link,
 * so reading the page changes nothing (RFC 8058).
 */
export function unsubscribeRoutes(context: DoorContext): Route[] {
  const unknown = { description: 'Nobody has made this link.', body: html, contentType: HTML, headers: HEADERS };
  return [
    {
      method: 'get',
      path: PATH,
      operationId: 'showUnsubscribe',
      tag: TAG,
      summary: 'For people: the page with the button to unsubscribe',
      description: 'It changes nothing.',
      scope: undefined,
      params,
      responses: {
        200: { description: 'The page.', body: html, contentType: HTML, headers: HEADERS },
        404: unknown,
      },
      problems: ['unavailable'],
      prepare: (raw) => async () => {
        const offer = await showUnsubscribe(context, tokenOf(raw));
        if (offer === undefined) return { status: 404, headers: PAGE_HEADERS, body: unknownPage() };
        return { status: 200, headers: PAGE_HEADERS, body: offerPage(offer) };
      },
    },
    {
      method: 'post',
      path: PATH,
      operationId: 'unsubscribe',
      tag: TAG,
      summary: 'For mail programs and the page: unsubscribe with one click',
      description:
        'As RFC 8058 says: the body is `List-Unsubscribe=One-Click`, as a form. Once it is answered, nothing more of it is ' +
        'allowed to be sent. Done again, it changes nothing.',
      scope: undefined,
      params,
      body: z.string().meta({ description: 'The form.', example: 'List-Unsubscribe=One-Click' }),
      mediaTypes: [FORM, 'multipart/form-data'],
      bodyAsBytes: true,
      maxBodyBytes: 4_096,
      responses: {
        200: { description: 'They are unsubscribed.', body: html, contentType: HTML, headers: HEADERS },
        404: unknown,
      },
      problems: ['validation-failed', 'unavailable'],
      prepare: (raw) => async () => {
        if (!isOneClick(raw)) throw invalidField('body', '#/List-Unsubscribe', 'must be "One-Click", in a form');
        const isKnown = await unsubscribe(context, tokenOf(raw));
        if (!isKnown) return { status: 404, headers: PAGE_HEADERS, body: unknownPage() };
        return { status: 200, headers: PAGE_HEADERS, body: donePage() };
      },
    },
  ];
}

function tokenOf({ params: given }: RawInput): string {
  return (given as { token: string }).token;
}

/** Whether a form says so, in either of the forms that a form may have. */
function isOneClick({ headers, body }: RawInput): boolean {
  const text = body instanceof Buffer ? body.toString('latin1') : '';
  const type = headers['content-type'] ?? '';
  if (/^multipart\/form-data\b/i.test(type)) {
    return /content-disposition:[^\r\n]*;\s*name="?List-Unsubscribe"?[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\nOne-Click\r?\n--/i.test(
      text,
    );
  }
  return new URLSearchParams(text).get('List-Unsubscribe') === 'One-Click';
}

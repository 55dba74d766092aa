import { createHash } from 'node:crypto';
import type { UnsubscribeOffer } from '../../domains/notifications';

const STYLE = `:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;font:1.0625rem/1.55 system-ui,sans-serif;color:#1c2430;background:#f3f5f8}
main{width:100%;max-width:30rem;padding:2.25rem 2rem;background:#fff;border:1px solid #dde3ea;border-radius:.75rem}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}
p{margin:0 0 1.25rem}
p:last-child{margin:0}
strong{overflow-wrap:anywhere}
button{width:100%;padding:.8rem 1.25rem;font:inherit;font-weight:600;color:#fff;background:#0b57d0;border:0;border-radius:.5rem;cursor:pointer}
button:hover{background:#0a4cb5}
button:focus-visible{outline:3px solid #0b57d0;outline-offset:3px}
.note{margin:1.25rem 0 0;font-size:.9375rem;color:#566273}
@media (prefers-color-scheme:dark){
body{color:#e6eaf0;background:#11161d}
main{background:#1a212b;border-color:#2c3644}
button{color:#0d1520;background:#8ab4f8}
button:hover{background:#a8c7fa}
button:focus-visible{outline-color:#8ab4f8}
.note{color:#a5b0bf}
}`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Headers of these pages: nothing comes from elsewhere, and no other page shows them in a frame. */
export const PAGE_HEADERS = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  // Scanners and search engines have no business with somebody's link.
  'x-robots-tag': 'noindex, nofollow',
} as const;

const CHANNEL_NAMES: Readonly<Record<string, string>> = {
  email: 'by email',
  sms: 'by text message',
  push: 'by push message',
  in_app: 'in the app',
  webhook: 'by webhook',
};

/** Asks whether to unsubscribe: only its button does. It posts to its own address. */
export function offerPage({ category, sender, channel }: UnsubscribeOffer): string {
  const from = sender === undefined ? '' : ` from <strong>${escapeHtml(sender)}</strong>`;
  const by = CHANNEL_NAMES[channel] ?? '';
  return page(
    'Unsubscribe',
    `<p>You will no longer get <strong>${escapeHtml(category)}</strong>${from} ${by}.</p>
<form method="post">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button type="submit">Unsubscribe</button>
</form>
<p class="note">Messages about your orders, payments and account may still come.</p>`,
  );
}

/** Says that it is done. */
export function donePage(): string {
  return page(
    'You are unsubscribed',
    '<p>It counts from now on. What was on its way already may still arrive.</p>\n<p>You can close this page.</p>',
  );
}

/** For a link that nobody has made. */
export function unknownPage(): string {
  return page(
    'This link does not work',
    '<p>It may have been cut off. Open it from the message again, or answer the message and ask to be unsubscribed.</p>',
  );
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

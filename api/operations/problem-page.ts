import { PROBLEMS } from '../http/problems';

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h1{font-size:1.6rem}h2{font-size:1.1rem;margin:2rem 0 .25rem;padding-top:.5rem}h2 code{font-size:1rem}
p{margin:.25rem 0}.status{color:#5b6675}:target{background:#fff6d6}a{color:#0b57d0}`;

/** The page that the `type` of every error points to. */
export function problemPage(): string {
  const entries = Object.entries(PROBLEMS).map(
    ([code, { status, title, help }]) => `<h2 id="${code}"><code>${code}</code></h2>
<p class="status">${status}</p>
<p><strong>${escapeHtml(title)}.</strong> ${escapeHtml(help)}</p>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Waybill API: errors</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Errors</h1>
<p>Every error is <code>application/problem+json</code> (RFC 9457): <code>type</code> leads here, <code>detail</code> says what
to do, <code>errors</code> lists what is wrong with which value, <code>request_id</code> finds the request in the logs.
See also the <a href="/docs">interactive documentation</a>.</p>
${entries.join('\n')}
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

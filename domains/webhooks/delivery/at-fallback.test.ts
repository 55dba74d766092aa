import { DEFAULT_CIRCUIT } from '../rules/circuit';
import { atFallback } from './at-fallback';

const endpoint = {
  version: 1,
  url: 'https://shop.example/hooks',
  timeoutMs: 5_000,
  retryDelaysMs: [],
  rateLimit: undefined,
  headers: { 'x-key': 'secret' },
  circuit: DEFAULT_CIRCUIT,
  keys: [],
};

test('custom headers go to a fallback of the same origin only', () => {
  const at = (fallbackUrl: string) => atFallback({ ...endpoint, fallbackUrl });
  expect(at('https://shop.example/backup')).toMatchObject({
    url: 'https://shop.example/backup',
    headers: endpoint.headers,
  });
  for (const other of ['https://shop.example:8443/', 'http://shop.example/', 'https://backup.example/']) {
    expect(at(other)).toMatchObject({ url: other, headers: {} });
  }
});

test('an endpoint without a fallback has none', () => {
  expect(atFallback({ ...endpoint, fallbackUrl: undefined })).toBeUndefined();
});

import { apiConfig } from '../../api/http/config';
import { apiDocument, apiRoutes, DOORS } from '../../api/routes';
import { doorContext } from '../../api/server';
import { openPlatform } from '../platform/platform';

/** Nothing connects before it is used, so nothing has to be there. */
const NOWHERE = {
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
  WAYBILL_KEYS: `1:${Buffer.alloc(32).toString('base64')}`,
  WAYBILL_LOG_LEVEL: 'silent',
};

/** The OpenAPI document as a process of the API serves it, made without any server. */
export async function makeDocument() {
  const fragments = [apiConfig, ...DOORS.flatMap(({ domain }) => domain.config ?? [])];
  const platform = openPlatform({ name: 'api', fragments, env: NOWHERE });
  try {
    const context = doorContext(platform);
    return apiDocument(
      apiRoutes(context, async () => ({})),
      context.scopes,
    );
  } finally {
    await platform.close();
  }
}

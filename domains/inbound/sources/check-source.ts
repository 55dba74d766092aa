import { isDeepStrictEqual } from 'node:util';
import type { Handlers } from '../processing/handlers';
import { InboundRefusal } from '../refusals';
import { DEFAULT_EVENT_ID, hasFixedEventId, isGeneric } from '../rules/schemes';
import { mentions, templateFault } from '../rules/template';
import type { SourceSettings } from '../store/sources';

/** Checks what settings must be together. @throws InboundRefusal */
export function checkSource(settings: SourceSettings, handlers: Handlers): void {
  const { scheme, signing, topicArns, eventId, route } = settings;
  if (isGeneric(scheme) !== (signing !== undefined)) {
    const detail = isGeneric(scheme) ? 'is required for this scheme' : 'is for hmac-hex and hmac-base64 only';
    throw new InboundRefusal('unusable-signing', detail, { field: ['signing'] });
  }
  if (signing !== undefined) {
    const { template, timestampHeader } = signing;
    const fault = templateFault(template);
    if (fault !== undefined) throw unusableTemplate(fault);
    // A time that is not signed could be any time.
    if (mentions(template, 'timestamp') !== (timestampHeader !== undefined)) {
      throw unusableTemplate('must contain {timestamp} if there is a timestampHeader, and only then');
    }
    if (mentions(template, 'id') && eventId.from !== 'header') {
      throw unusableTemplate('may contain {id} only if eventId is from a header');
    }
  }
  if ((scheme === 'sns') !== topicArns.length > 0) {
    const detail = scheme === 'sns' ? 'is required for this scheme: anybody has topics' : 'is for sns only';
    throw new InboundRefusal('unusable-topics', detail, { field: ['topicArns'] });
  }
  if (hasFixedEventId(scheme) && !isDeepStrictEqual(eventId, DEFAULT_EVENT_ID[scheme])) {
    const detail = 'can only be left out for this scheme: it signs no other id';
    throw new InboundRefusal('unusable-event-id', detail, { field: ['eventId'] });
  }
  if (route.to === 'handler' && !handlers.has(route.handler)) {
    const known = handlers.names().join(', ');
    throw new InboundRefusal('no-such-handler', `is none that there is; expected one of ${known}`, {
      field: ['route', 'handler'],
    });
  }
}

function unusableTemplate(detail: string): InboundRefusal {
  return new InboundRefusal('unusable-signing', detail, { field: ['signing', 'template'] });
}

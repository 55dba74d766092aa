import type { Platform } from '../../../infra/platform/platform';
import { EndpointWorkflows } from '../endpoint-workflows';
import { startBacklog } from '../start';

/** The process's one starter of the workflows of backlogs. It finishes before the process closes. */
export function openBacklogs(platform: Platform): EndpointWorkflows {
  return platform.once(open);
}

function open(platform: Platform): EndpointWorkflows {
  const starter = new EndpointWorkflows({ start: (backlog) => startBacklog(platform, backlog), log: platform.log });
  platform.onClose(() => starter.drain());
  return starter;
}

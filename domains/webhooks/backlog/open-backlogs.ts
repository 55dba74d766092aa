import type { Platform } from '../../../infra/platform/platform';
import { startBacklog } from '../start';
import { BacklogStarter } from './backlog-starter';

/** The process's one starter of the workflows of backlogs. It finishes before the process closes. */
export function openBacklogs(platform: Platform): BacklogStarter {
  return platform.once(open);
}

function open(platform: Platform): BacklogStarter {
  const starter = new BacklogStarter({ start: (backlog) => startBacklog(platform, backlog), log: platform.log });
  platform.onClose(() => starter.drain());
  return starter;
}

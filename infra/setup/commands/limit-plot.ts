import { AdaptiveLimit, type JobEnd, type Ticket } from '../../../core/adaptive-limit';

/** A receiver of the picture: when it answers a request, and whether it does. */
interface Receiver {
  title: string;
  /** @returns when a request that arrives now is answered; infinite when it never is */
  answersAt(now: number): number;
}

const SECONDS = 60;
const TICK_MS = 5;
const SAMPLE_MS = 250;
const TIMEOUT_MS = 15_000;
const MOST = 128;

const STOPS_MS = 10_000;
const GOES_ON_MS = 40_000;

function receivers(): Receiver[] {
  let free = 0;
  return [
    { title: 'answers in 200 ms', answersAt: (now) => now + 200 },
    { title: 'never answers', answersAt: () => Number.POSITIVE_INFINITY },
    {
      title: 'answers in 200 ms, but not from second 10 to 40',
      answersAt: (now) => (now < STOPS_MS || now >= GOES_ON_MS ? now + 200 : Number.POSITIVE_INFINITY),
    },
    {
      title: 'takes one request after the other, 100 ms each',
      answersAt: (now) => {
        free = Math.max(free, now) + 100;
        return free;
      },
    },
  ];
}

/** The most attempts under way at once in every quarter of a second, while there are always more to make. */
export function simulate({ answersAt }: Pick<Receiver, 'answersAt'>): number[] {
  const limit = new AdaptiveLimit(MOST);
  const running: { ticket: Ticket; endsAt: number; end: JobEnd }[] = [];
  const samples: number[] = [];
  let most = 0;
  for (let now = 0; now <= SECONDS * 1_000; now += TICK_MS) {
    for (const job of running.filter(({ endsAt }) => endsAt <= now)) {
      running.splice(running.indexOf(job), 1);
      limit.end(job.ticket, job.end, now);
    }
    for (let room = limit.room(now); room > 0; room--) {
      const ticket = limit.begin(now);
      ticket.askedAt = now;
      const answeredAt = answersAt(now);
      const endsAt = Math.min(answeredAt, now + TIMEOUT_MS);
      const kind = answeredAt <= now + TIMEOUT_MS ? 'ok' : 'timeout';
      running.push({ ticket, endsAt, end: { kind, durationMs: endsAt - now } });
    }
    most = Math.max(most, running.length);
    if (now % SAMPLE_MS === 0) {
      samples.push(most);
      most = running.length;
    }
  }
  return samples;
}

const WIDTH = 760;
const PANEL = 130;
const LEFT = 46;
const RIGHT = 14;
const TOP = 26;
const CHART = PANEL - 46;
const MARKS = [1, 4, 16, 128];

const x = (seconds: number) => round(LEFT + (seconds / SECONDS) * (WIDTH - LEFT - RIGHT));
/** Logarithmic, with room for nothing at all below one. */
const y = (attempts: number) => round(TOP + CHART - (Math.log2(attempts + 1) / Math.log2(MOST + 1)) * CHART);
const round = (value: number) => Math.round(value * 10) / 10;

/** The picture of docs/how-it-works.md, as SVG: how many attempts four receivers get at once. */
export function plotLimits(): string {
  const panels = receivers().map((receiver, index) => panelOf(receiver, index * PANEL));
  const height = panels.length * PANEL + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11">
<title>Attempts under way at once to four receivers, over a minute</title>
<rect width="100%" height="100%" fill="#fff"/>
${panels.join('\n')}
</svg>
`;
}

function panelOf(receiver: Receiver, top: number): string {
  const grid = MARKS.map(
    (mark) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(mark)}" y2="${y(mark)}" stroke="#ddd"/>` +
      `<text x="${LEFT - 6}" y="${y(mark) + 4}" text-anchor="end" fill="#555">${mark}</text>`,
  );
  const seconds = [0, 10, 20, 30, 40, 50, 60].map(
    (second) => `<text x="${x(second)}" y="${TOP + CHART + 15}" text-anchor="middle" fill="#555">${second} s</text>`,
  );
  const points = simulate(receiver).map((attempts, index) => `${x((index * SAMPLE_MS) / 1_000)},${y(attempts)}`);
  return `<g transform="translate(0 ${top})">
<text x="${LEFT}" y="16" font-size="13" fill="#111">${receiver.title}</text>
${grid.join('\n')}
${seconds.join('\n')}
<polyline fill="none" stroke="#0b62b0" stroke-width="1.6" points="${points.join(' ')}"/>
</g>`;
}

import path from 'node:path';

/** What V8's profiler writes, as far as it is read here. */
export interface CpuProfile {
  nodes: readonly ProfileNode[];
  /** The node each sample found on top of the stack. */
  samples: readonly number[];
  /** Microseconds before each sample. */
  timeDeltas: readonly number[];
}

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: readonly number[];
}

/** A place in the program and the share of busy time that was spent there. */
export interface Cost {
  name: string;
  /** In the place itself. */
  self: number;
  /** In the place and in what it called. */
  total: number;
}

const NOT_BUSY = new Set(['(idle)', '(root)', '(program)']);

/**
 * Where the time went: by function, and by package (or folder of ours), as shares of the time in which JavaScript, its
 * garbage collector or native code called from it ran.
 */
export function summarize(profile: CpuProfile): { busyShare: number; functions: Cost[]; parts: Cost[] } {
  const selfTimes = new Map<number, number>();
  let [whole, busy] = [0, 0];
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  profile.samples.forEach((id, index) => {
    const delta = profile.timeDeltas[index] ?? 0;
    whole += delta;
    if (NOT_BUSY.has(nodes.get(id)?.callFrame.functionName ?? '')) return;
    busy += delta;
    selfTimes.set(id, (selfTimes.get(id) ?? 0) + delta);
  });
  const byFunction = addUp(profile, selfTimes, functionOf);
  const byPart = addUp(profile, selfTimes, partOf);
  return { busyShare: busy / whole, functions: shares(byFunction, busy), parts: shares(byPart, busy) };
}

type Sums = Map<string, { self: number; total: number }>;

/** Adds up self and total times by name; a name within itself counts once towards its total. */
function addUp(profile: CpuProfile, selfTimes: Map<number, number>, nameOf: (node: ProfileNode) => string): Sums {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const sums: Sums = new Map();
  const root = profile.nodes[0];
  if (root === undefined) return sums;
  // A frame is left once its children are done: their times are then in `subtree`.
  const stack: { node: ProfileNode; entered: boolean; counted: boolean; subtree: number }[] = [];
  const open = new Map<string, number>();
  const push = (node: ProfileNode) => stack.push({ node, entered: false, counted: false, subtree: 0 });
  push(root);
  const parents: (typeof stack)[number][] = [];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const name = nameOf(frame.node);
    if (!frame.entered) {
      frame.entered = true;
      frame.counted = (open.get(name) ?? 0) === 0;
      open.set(name, (open.get(name) ?? 0) + 1);
      parents.push(frame);
      for (const id of frame.node.children ?? []) {
        const child = nodes.get(id);
        if (child !== undefined) push(child);
      }
      continue;
    }
    stack.pop();
    parents.pop();
    open.set(name, (open.get(name) ?? 1) - 1);
    const self = selfTimes.get(frame.node.id) ?? 0;
    const subtree = frame.subtree + self;
    const sum = sums.get(name) ?? { self: 0, total: 0 };
    sum.self += self;
    if (frame.counted) sum.total += subtree;
    sums.set(name, sum);
    const parent = parents.at(-1);
    if (parent !== undefined) parent.subtree += subtree;
  }
  return sums;
}

function shares(sums: Sums, whole: number): Cost[] {
  return [...sums]
    .map(([name, { self, total }]) => ({ name, self: self / whole, total: total / whole }))
    .sort((a, b) => b.self - a.self);
}

function functionOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  return url === '' ? functionName : `${functionName || '(anonymous)'} ${shorten(url)}:${lineNumber + 1}`;
}

/** `node`, a package's name, or a folder of ours. */
function partOf({ callFrame: { functionName, url } }: ProfileNode): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'native';
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/');
  const file = shorten(url);
  const [first = '', second = '', third = ''] = file.split('/');
  if (first === 'node_modules') return second.startsWith('@') ? `${second}/${third}` : second;
  return path.dirname(file);
}

function shorten(url: string): string {
  const packages = url.lastIndexOf('/node_modules/');
  if (packages !== -1) return url.slice(packages + 1);
  const ours = url.lastIndexOf('/dist/');
  return ours === -1 ? url : url.slice(ours + '/dist/'.length);
}

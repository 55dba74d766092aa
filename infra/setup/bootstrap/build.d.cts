/** Each file that the build reads, with its size and time of change. */
export type Sources = Record<string, string>;

export interface BuildPlan {
  compile: boolean;
  /** An output is missing, so the compiler has to forget what it holds for up to date. */
  fromScratch: boolean;
  /** Outputs, relative to the root, whose sources are gone. */
  vanished: string[];
  bundle: boolean;
}

export function listSources(root: string): Sources;

export function planBuild(root: string, sources: Sources): BuildPlan;

/** Removes what a source left that is there no more, so that nothing imports it. */
export function removeVanished(root: string, plan: BuildPlan): void;

/** Notes a finished step: `sources` after compiling, `bundled` after bundling. */
export function writeStamp(root: string, done: { sources?: Sources; bundled?: Sources }): void;

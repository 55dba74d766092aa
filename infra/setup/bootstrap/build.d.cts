/** Each file that the build reads, with its size and modification time. */
export type Sources = Record<string, string>;

export interface BuildPlan {
  compile: boolean;
  /** An output is missing, so the compiler has to discard its record of what is up to date. */
  fromScratch: boolean;
  /** Outputs, relative to the root, whose sources are gone. */
  vanished: string[];
  bundle: boolean;
}

export function listSources(root: string): Sources;

export function planBuild(root: string, sources: Sources): BuildPlan;

/** Removes the outputs of deleted sources, so that nothing imports them. */
export function removeVanished(root: string, plan: BuildPlan): void;

/** Records a finished step: `sources` after compiling, `bundled` after bundling. */
export function writeStamp(root: string, done: { sources?: Sources; bundled?: Sources }): void;

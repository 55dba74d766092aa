import { z } from 'zod';

/** Environment variables that belong together: a zod object whose members are variables, made with `fields.ts`. */
export type Fragment = z.ZodObject<z.core.$ZodShape>;

/** The environment as it was read at the start. */
export interface Settings {
  /**
   * The values of one fragment.
   *
   * @throws Error when the process did not load that fragment
   */
  of<F extends Fragment>(fragment: F): z.output<F>;
}

/** Thrown by {@link loadSettings}; its message has a line for each wrong variable. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** All fragments as one; a variable belongs to exactly one of them. @throws Error naming one that belongs to two */
export function joinFragments(fragments: readonly Fragment[]): Fragment {
  const shape: Record<string, z.core.$ZodType> = {};
  for (const fragment of fragments) {
    for (const [name, field] of Object.entries(fragment.shape)) {
      if (name in shape) throw new Error(`two parts of the configuration have a variable ${name}`);
      shape[name] = field;
    }
  }
  return z.object(shape);
}

/**
 * Reads the environment once, at start. An empty variable counts as not set.
 *
 * @throws ConfigError naming each wrong variable and what is expected, never its value
 */
export function loadSettings(fragments: readonly Fragment[], env: NodeJS.ProcessEnv = process.env): Settings {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = joinFragments(fragments).safeParse(present);
  if (!result.success) {
    const lines = result.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      return `${name}: ${present[name] === undefined ? 'is not set; ' : ''}${issue.message}`;
    });
    throw new ConfigError(`The environment is not right:\n  ${lines.join('\n  ')}`);
  }
  const values = result.data;
  return {
    of<F extends Fragment>(fragment: F): z.output<F> {
      if (!fragments.includes(fragment)) throw new Error('this process did not load that part of its configuration');
      return values as z.output<F>;
    },
  };
}

import { type Choice, type ChoiceChange, type ChoicePlace, placeKey } from './choices';
import type { QuietHours } from './quiet-hours';

/** What somebody does with their preferences. `reset` takes back every choice and quiet hours; suppressions stay. */
export const CHANGE_KINDS = ['opt_in', 'opt_out', 'set', 'reset'] as const;

export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** A change of somebody's preferences. */
export interface PreferenceWish {
  kind: ChangeKind;
  /** None for a reset. */
  choices: ChoiceChange[];
  /** Undefined to leave them; null for none. */
  quietHours: QuietHours | null | undefined;
}

/** What a change does to the choices that are stored. */
export interface ChoiceEffect {
  store: Choice[];
  remove: ChoicePlace[];
  /** How many there are afterwards. */
  left: number;
}

/** What a wish does to the choices that somebody has. The last of several about one place counts. */
export function effectOf(current: readonly Choice[], { kind, choices }: PreferenceWish): ChoiceEffect {
  const have = new Map(current.map((choice) => [placeKey(choice), choice]));
  if (kind === 'reset') return { store: [], remove: current.map(placeOf), left: 0 };
  const wanted = new Map(choices.map((choice) => [placeKey(choice), choice]));
  const store: Choice[] = [];
  const remove: ChoicePlace[] = [];
  for (const [key, choice] of wanted) {
    if (choice.value === null) {
      if (have.delete(key)) remove.push(placeOf(choice));
    } else if (have.get(key)?.value !== choice.value) {
      const stored = { ...placeOf(choice), value: choice.value };
      have.set(key, stored);
      store.push(stored);
    }
  }
  return { store, remove, left: have.size };
}

function placeOf({ level, key, channel }: ChoicePlace): ChoicePlace {
  return { level, key, channel };
}

/**
 * Repeats work that takes so many things at most, until it finds fewer.
 *
 * @param work - does the next of it. @returns how many things it found
 * @param beat - says that it is alive; called after each
 * @returns how many things were found in all
 */
export async function inBatches(limit: number, beat: () => void, work: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let found = limit; found === limit; total += found) {
    found = await work();
    beat();
  }
  return total;
}

import { type GoalsInput, type JudgedPhase, judgeGoals } from './goals';

const NAMES = ['alone', 'a10', 'a100', 'a1000', 'b', 'c', 'd', 'e', 'aloneAgain'];

function phase(name: string): JudgedPhase {
  return {
    healthyP95Ms: 2,
    retryDelayP99Ms: 150,
    commandSeconds: { retry: [0.3], cancel: [0.1] },
    troubleWorkflows: name.startsWith('alone') || name === 'd' ? null : 3,
    deadEndpoints: name.startsWith('alone') || name === 'd' ? 0 : 1,
  };
}

function run(changes: Record<string, Partial<JudgedPhase>> = {}, others: Partial<GoalsInput> = {}) {
  const phases = Object.fromEntries(NAMES.map((name) => [name, { ...phase(name), ...changes[name] }]));
  return judgeGoals({ phases, settlementAloneSeconds: 1.5, settlementSeconds: 2, lost: 0, ...others });
}

const unmet = (goals: ReturnType<typeof judgeGoals>) => Object.keys(goals).filter((name) => goals[name]?.met !== true);

describe('goals of isolation', () => {
  it('are met by a good run', () => {
    expect(unmet(run())).toEqual([]);
  });

  it('name the worst phase and its figure', () => {
    const goals = run({ a100: { healthyP95Ms: 30 }, b: { healthyP95Ms: 41_700 } });
    expect(goals.calmP95).toEqual({ met: false, figure: 41_700, limit: expect.anything(), at: 'b' });
    expect(unmet(goals)).toEqual(['calmP95']);
  });

  it('take either 1.5 times alone or 20 ms in the calm phases', () => {
    expect(unmet(run({ c: { healthyP95Ms: 20 } }))).toEqual([]);
    expect(unmet(run({ alone: { healthyP95Ms: 40 }, c: { healthyP95Ms: 60 } }))).toEqual([]);
    expect(unmet(run({ alone: { healthyP95Ms: 40 }, c: { healthyP95Ms: 61 } }))).toEqual(['calmP95']);
  });

  it('name a phase that fails even if another has the larger figure', () => {
    // 50 ms are 1.25 times alone; 21 would be too, but for the phase that has no figure at all.
    const goals = run({ alone: { healthyP95Ms: 40 }, a10: { healthyP95Ms: 50 }, b: { healthyP95Ms: 61 } });
    expect(goals.calmP95?.at).toBe('b');
  });

  it('allow 250 ms where the processors are busy', () => {
    expect(unmet(run({ d: { healthyP95Ms: 250 } }))).toEqual([]);
    expect(unmet(run({ e: { healthyP95Ms: 251 } }))).toEqual(['busyP95']);
  });

  it('compare commands by their medians with those alone', () => {
    expect(unmet(run({ e: { commandSeconds: { retry: [0.2, 0.6, 9], cancel: [0.2] } } }))).toEqual([]);
    expect(unmet(run({ e: { commandSeconds: { retry: [0.7], cancel: [0.2] } } }))).toEqual(['retryCommand']);
    expect(unmet(run({ e: { commandSeconds: { retry: [0.3], cancel: [] } } }))).toEqual(['cancelCommand']);
  });

  it('bound the delay of retries, the settlement, the workflows and what is lost', () => {
    expect(unmet(run({ a10: { retryDelayP99Ms: 1_001 } }))).toEqual(['retryDelayP99']);
    expect(unmet(run({}, { settlementSeconds: 3.1 }))).toEqual(['settlement']);
    expect(unmet(run({}, { settlementSeconds: undefined }))).toEqual(['settlement']);
    expect(unmet(run({ b: { troubleWorkflows: 11 } }))).toEqual(['workflows']);
    expect(unmet(run({ a1000: { troubleWorkflows: 600, deadEndpoints: 1_000 } }))).toEqual([]);
    expect(unmet(run({}, { lost: 1 }))).toEqual(['lost']);
  });

  it('are not met by what was not measured', () => {
    const goals = run({ b: { retryDelayP99Ms: null, troubleWorkflows: null } });
    expect(unmet(goals)).toEqual(['retryDelayP99', 'workflows']);
    expect(goals.workflows).toMatchObject({ at: 'b', figure: null });
  });
});

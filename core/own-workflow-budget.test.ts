import { OwnWorkflowBudget } from './own-workflow-budget';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function take(budget: OwnWorkflowBudget, times: number): void {
  for (let n = 0; n < times; n++) budget.take();
}

test('begins with a burst, which deliveries use up', () => {
  const budget = new OwnWorkflowBudget(10);
  expect(budget.refill()).toBe(20);
  take(budget, 19);
  expect([budget.spent, budget.refill()]).toEqual([false, 1]);
  take(budget, 1);
  expect([budget.spent, budget.refill()]).toEqual([true, 0]);
});

test('time brings ten a second, in whole ones, and never more than the burst', () => {
  const budget = new OwnWorkflowBudget(10);
  take(budget, 20);
  jest.advanceTimersByTime(99);
  expect(budget.refill()).toBe(0);
  jest.advanceTimersByTime(1);
  expect(budget.refill()).toBe(1);
  jest.advanceTimersByTime(900);
  expect(budget.refill()).toBe(10);
  jest.advanceTimersByTime(60_000);
  expect(budget.refill()).toBe(20);
});

test('what is filled up in parts is not lost', () => {
  const budget = new OwnWorkflowBudget(10);
  take(budget, 20);
  for (let n = 0; n < 10; n++) {
    jest.advanceTimersByTime(50);
    budget.refill();
  }
  expect(budget.refill()).toBe(5);
});

test('goes below zero under load, but not so far that two seconds could not make up for it', () => {
  const budget = new OwnWorkflowBudget(10);
  take(budget, 10_000);
  expect(budget.refill()).toBe(0);
  jest.advanceTimersByTime(2_000);
  expect([budget.refill(), budget.spent]).toEqual([0, true]);
  jest.advanceTimersByTime(100);
  expect([budget.refill(), budget.spent]).toEqual([1, false]);
});

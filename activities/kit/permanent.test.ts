import { ApplicationFailure } from '@temporalio/activity';
import { PermanentError } from '../../core/permanent-error';
import { endingAtPermanentErrors } from './permanent';

class NoSuchThing extends PermanentError {}

const activities = endingAtPermanentErrors({
  add: async (a: number, b: number) => a + b,
  permanent: async () => {
    throw new NoSuchThing('there is none');
  },
  passing: async () => {
    throw new Error('the database is away');
  },
});

test('what a use case answers is passed on', async () => {
  expect(await activities.add(1, 2)).toBe(3);
});

test('a permanent error is never retried, and its name is its type', async () => {
  const failure = await activities.permanent().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ message: 'there is none', type: 'NoSuchThing', nonRetryable: true });
});

test('any other error is passed on as it is, to be retried', async () => {
  const failure = await activities.passing().catch((error: unknown) => error);
  expect(failure).not.toBeInstanceOf(ApplicationFailure);
  expect(failure).toMatchObject({ message: 'the database is away' });
});

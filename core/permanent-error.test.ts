import { PermanentError } from './permanent-error';

class Gone extends PermanentError {}
class GoneForEver extends Gone {}

test('a permanent error is called as its class is, which is what Temporal tells a workflow of it', () => {
  const cause = new Error('why');
  const error = new GoneForEver('it is gone', { cause });
  expect([error.name, error.message, error.cause]).toEqual(['GoneForEver', 'it is gone', cause]);
  expect(error.name).toBe(GoneForEver.name);
  expect(new Gone('').name).toBe('Gone');
});

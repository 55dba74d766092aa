import { chooseTemporal } from './temporal-program';

/** A machine with these programs on PATH. */
const having = (programs: Record<string, string>) => (name: string) => programs[name];

const built = ['/clone/.waybill/bin/temporal', '/home/.cache/waybill/temporal'];
const find = having({ temporal: '/usr/bin/temporal', go: '/usr/bin/go' });

test('the one that the environment names comes first', () => {
  const choice = chooseTemporal({ address: 'temporal:7233', find, built, works: () => true });
  expect(choice).toEqual({ kind: 'given', address: 'temporal:7233' });
});

test('then the one on PATH, then those built before, if they work', () => {
  const choose = (works: (file: string) => boolean) => chooseTemporal({ address: '', find, built, works });
  expect(choose(() => true)).toEqual({ kind: 'program', file: '/usr/bin/temporal' });
  expect(choose((file) => built.includes(file))).toEqual({ kind: 'program', file: built[0] });
  expect(choose((file) => file === built[1])).toEqual({ kind: 'program', file: built[1] });
});

test('then one is built, if Go is there', () => {
  const works = () => false;
  expect(chooseTemporal({ address: undefined, find, built, works })).toEqual({ kind: 'build', go: '/usr/bin/go' });
  expect(chooseTemporal({ address: undefined, find: having({}), built, works })).toEqual({ kind: 'none' });
});

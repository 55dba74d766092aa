import { chooseTemporal } from './temporal-program';

/** A machine with these programs on PATH. */
const having = (programs: Record<string, string>) => (name: string) => programs[name];

const kept = ['/clone/.waybill/bin/temporal', '/home/.cache/waybill/temporal'];
const find = having({ temporal: '/usr/bin/temporal', go: '/usr/bin/go' });

test('the one that the environment names comes first', () => {
  const choice = chooseTemporal({ address: 'temporal:7233', find, kept, works: () => true });
  expect(choice).toEqual({ kind: 'given', address: 'temporal:7233' });
});

test('then the one on PATH, then those that were got before, if they work', () => {
  const choose = (works: (file: string) => boolean) => chooseTemporal({ address: '', find, kept, works });
  expect(choose(() => true)).toEqual({ kind: 'program', file: '/usr/bin/temporal' });
  expect(choose((file) => kept.includes(file))).toEqual({ kind: 'program', file: kept[0] });
  expect(choose((file) => file === kept[1])).toEqual({ kind: 'program', file: kept[1] });
});

test('then one has to be got, with Go if it is there', () => {
  const works = () => false;
  expect(chooseTemporal({ address: undefined, find, kept, works })).toEqual({ kind: 'missing', go: '/usr/bin/go' });
  const none = chooseTemporal({ address: undefined, find: having({}), kept, works });
  expect(none).toEqual({ kind: 'missing', go: undefined });
});

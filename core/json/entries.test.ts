import fc from 'fast-check';
import { picks, saidObject, spell } from '../../tests/support/json-texts';
import { entriesOf } from './entries';
import { JsonTextError } from './scan';

test('an array has its entries as they were written', () => {
  const text = ' [ 1.00 ,{"a":[1,2]}\n, "]," , [ ] ] ';
  expect(entriesOf(text, 9)).toEqual({ entries: ['1.00', '{"a":[1,2]}', '"],"', '[ ]'], count: 4 });
  expect(entriesOf(text, 2)).toEqual({ entries: ['1.00', '{"a":[1,2]}'], count: 4 });
  expect(entriesOf('[ ]', 9)).toEqual({ entries: [], count: 0 });
  expect(entriesOf(' {"a":[1]}', 9)).toBeUndefined();
});

test('whatever objects are put into an array come out of it', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(saidObject, fc.integer())), (said) => {
      const texts = said.map(([object, seed]) => spell(object, picks(seed)).trim());
      expect(entriesOf(`[${texts.join(' ,\n')}]`, said.length)?.entries).toEqual(texts);
    }),
    { numRuns: 300 },
  );
});

test.each(['[1,]', '[,1]', '[1 2]', '[1', '[1]]', '[', '[{"a":}]'])('%s is refused', (text) => {
  expect(() => entriesOf(text, 9)).toThrow(JsonTextError);
});

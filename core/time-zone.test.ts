import { timeZoneName } from './time-zone';

test.each([
  ['africa/cairo', 'Africa/Cairo'],
  ['us/pacific', 'US/Pacific'],
  ['Asia/Kolkata', 'Asia/Kolkata'],
  ['utc', 'UTC'],
  ['+02:00', undefined],
  ['Nowhere/Land', undefined],
  ['', undefined],
  // Node takes it; it was withdrawn from the IANA database in 2020.
  ['US/Pacific-New', undefined],
  // The package that knows the zones would take it.
  ['africa_cairo', undefined],
  ['constructor', undefined],
])('the time zone %p is called %p', (text, name) => {
  expect(timeZoneName(text)).toBe(name);
});

import { timeZoneName } from './time-zone';

test.each([
  ['africa/cairo', 'Africa/Cairo'],
  ['us/pacific', 'US/Pacific'],
  ['Asia/Kolkata', 'Asia/Kolkata'],
  ['utc', 'UTC'],
  ['+02:00', undefined],
  ['Nowhere/Land', undefined],
  ['', undefined],
])('the time zone %p is called %p', (text, name) => {
  expect(timeZoneName(text)).toBe(name);
});

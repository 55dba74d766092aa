// Preloaded by a process whose clock is to be wrong, by as many milliseconds as CLOCK_SKEW_MS says.
const skewMs = Number(process.env.CLOCK_SKEW_MS);
const RealDate = Date;
const now = () => RealDate.now() + skewMs;

globalThis.Date = new Proxy(RealDate, {
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  apply: () => new RealDate(now()).toString(),
  construct: (target, args) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
});

/**
 * Whether deliveries of the endpoint `e` are held: it is paused or disabled, or its circuit is open and there is no
 * fallback. Deleted endpoints are another matter.
 */
export const IS_HELD = "(e.state <> 'enabled' OR e.circuit = 'open' AND e.fallback_url IS NULL)";

/** Whether deliveries of the endpoint `e` go to its fallback URL. */
export const FAILS_OVER = "(e.circuit = 'open' AND e.fallback_url IS NOT NULL)";

/** Whether a delivery that goes there is to be tried at the endpoint itself, if nobody else does. */
export const PROBE_WANTED = `(${FAILS_OVER} AND e.probe_wanted)`;

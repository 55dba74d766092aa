/**
 * Whether deliveries of the endpoint `e` are held: it is paused, or its circuit is open and there is no fallback.
 * Deleted and disabled endpoints are another matter.
 */
export const IS_HELD = "(e.state = 'paused' OR e.circuit = 'open' AND e.fallback_url IS NULL)";

/** Whether deliveries of the endpoint `e` go to its fallback URL. */
export const FAILS_OVER = "(e.circuit = 'open' AND e.fallback_url IS NOT NULL)";

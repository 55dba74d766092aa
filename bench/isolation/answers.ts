const FIRST_DELIVERY = /"deliveries":\[\{"id":"(dlv_\w+)"/;

/** The first delivery's id in the 202 to a publish; undefined if it has none. Not parsed: this runs for each message. */
export function deliveryIdOf(body: string): string | undefined {
  return FIRST_DELIVERY.exec(body)?.[1];
}

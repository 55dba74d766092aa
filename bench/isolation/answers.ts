const DELIVERY_COUNT = /"deliveryCount":(\d+)/;
const FIRST_DELIVERY = /"deliveries":\[\{"id":"(dlv_\w+)"/;

/** The first delivery's id in the 202 to a publish; undefined if it has none. Not parsed: this runs for each message. */
export function deliveryIdOf(body: string): string | undefined {
  return FIRST_DELIVERY.exec(body)?.[1];
}

/** How many deliveries the 202 to a publish promises: none if its endpoint has been deleted meanwhile. */
export function deliveryCountOf(body: string): number {
  return Number(DELIVERY_COUNT.exec(body)?.[1] ?? 0);
}

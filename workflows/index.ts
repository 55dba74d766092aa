export { retention } from './retention';
export { sweepOverdue } from './sweep-overdue';
export { webhookDelivery } from './webhook-delivery';

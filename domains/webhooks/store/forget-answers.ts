/**
 * SQL for: `d` is a delivery of a message. Found by the primary key: a delivery's id begins with the first 64 bits of its
 * message's.
 *
 * @param message - a table expression with the message's `id`
 */
export const deliveriesOf = (message: string) =>
  `d.id BETWEEN (left(replace(${message}.id::text, '-', ''), 16) || repeat('0', 16))::uuid
            AND (left(replace(${message}.id::text, '-', ''), 16) || repeat('f', 16))::uuid
   AND d.message_id = ${message}.id`;

/**
 * A statement that forgets what receivers answered to a message's deliveries. It goes with the content, which an answer
 * may repeat.
 *
 * @param message - a table expression with the message's `id`
 */
export const forgetAnswers = (message: string) =>
  `UPDATE attempts a SET response_body = NULL FROM ${message}, deliveries d
   WHERE ${deliveriesOf(message)} AND a.delivery_id = d.id AND a.response_body IS NOT NULL`;

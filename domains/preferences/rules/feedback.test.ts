import { NoFeedback, PROVIDERS, type Provider, readFeedback } from './feedback';

const sns = (message: object) => ({ Type: 'Notification', MessageId: 'm', Message: JSON.stringify(message) });
const recipients = [{ emailAddress: 'a@example.com', diagnosticCode: 'smtp; 550 5.1.1 no such user' }];
const read = (provider: Provider, body: unknown) =>
  readFeedback(provider, JSON.stringify(body)).map(({ address, reason }) => [address, reason]);

const mailgun = (data: object) => ({ signature: {}, 'event-data': { recipient: 'a@example.com', ...data } });

test.each<[string, Provider, unknown, string | undefined]>([
  [
    'permanent bounce',
    'ses',
    sns({ notificationType: 'Bounce', bounce: { bounceType: 'Permanent', bouncedRecipients: recipients } }),
    'bounce',
  ],
  [
    'raw event',
    'ses',
    { eventType: 'Bounce', bounce: { bounceType: 'Permanent', bouncedRecipients: recipients } },
    'bounce',
  ],
  [
    'passing bounce',
    'ses',
    sns({ notificationType: 'Bounce', bounce: { bounceType: 'Transient', bouncedRecipients: recipients } }),
    undefined,
  ],
  [
    'complaint',
    'ses',
    sns({
      notificationType: 'Complaint',
      complaint: { complaintFeedbackType: 'abuse', complainedRecipients: recipients },
    }),
    'complaint',
  ],
  [
    'no spam after all',
    'ses',
    sns({
      notificationType: 'Complaint',
      complaint: { complaintFeedbackType: 'not-spam', complainedRecipients: recipients },
    }),
    undefined,
  ],
  ['delivery', 'ses', sns({ notificationType: 'Delivery', delivery: {} }), undefined],
  [
    'confirmation',
    'ses',
    { Type: 'SubscriptionConfirmation', Message: 'You have chosen …', SubscribeURL: 'https://…' },
    undefined,
  ],
  [
    'bounce',
    'sendgrid',
    [{ email: 'a@example.com', event: 'bounce', type: 'bounce', reason: '550', status: '5.1.1' }],
    'bounce',
  ],
  ['block', 'sendgrid', [{ email: 'a@example.com', event: 'bounce', type: 'blocked' }], undefined],
  ['spam report', 'sendgrid', [{ email: 'a@example.com', event: 'spamreport' }], 'complaint'],
  ['unsubscribe', 'sendgrid', [{ email: 'a@example.com', event: 'unsubscribe' }], 'user_request'],
  ['open', 'sendgrid', [{ email: 'a@example.com', event: 'open' }], undefined],
  ['permanent failure', 'mailgun', mailgun({ event: 'failed', severity: 'permanent' }), 'bounce'],
  ['passing failure', 'mailgun', mailgun({ event: 'failed', severity: 'temporary' }), undefined],
  ['complaint', 'mailgun', mailgun({ event: 'complained' }), 'complaint'],
  ['unsubscribe', 'mailgun', mailgun({ event: 'unsubscribed' }), 'user_request'],
  ['hard bounce', 'postmark', { RecordType: 'Bounce', Type: 'HardBounce', Email: 'a@example.com' }, 'bounce'],
  ['bad address', 'postmark', { RecordType: 'Bounce', Type: 'BadEmailAddress', Email: 'a@example.com' }, 'invalid'],
  ['soft bounce', 'postmark', { RecordType: 'Bounce', Type: 'SoftBounce', Email: 'a@example.com' }, undefined],
  [
    'complaint',
    'postmark',
    { RecordType: 'SpamComplaint', Type: 'SpamComplaint', Email: 'a@example.com' },
    'complaint',
  ],
  [
    'suppression',
    'postmark',
    {
      RecordType: 'SubscriptionChange',
      Recipient: 'a@example.com',
      SuppressSending: true,
      SuppressionReason: 'ManualSuppression',
    },
    'user_request',
  ],
  [
    'reactivation',
    'postmark',
    { RecordType: 'SubscriptionChange', Recipient: 'a@example.com', SuppressSending: false },
    undefined,
  ],
])('%s of %s', (_name, provider, body, reason) => {
  expect(read(provider, body)).toEqual(reason === undefined ? [] : [['a@example.com', reason]]);
});

test('what a provider said is kept, as far as it can be', () => {
  const [first] = readFeedback(
    'sendgrid',
    JSON.stringify([{ email: 'a@example.com', event: 'bounce', reason: `550 \0${'x'.repeat(600)}` }]),
  );
  expect(first?.evidence).toEqual({ provider: 'sendgrid', event: 'bounce', said: `550 \ufffd${'x'.repeat(495)}` });
});

test.each(PROVIDERS)('what is no webhook of %s is refused, and says so', (provider) => {
  for (const body of ['', 'null', '{"hello":"world"}', '[1]', '{"Type":"Notification","Message":"no JSON"}'])
    expect(() => readFeedback(provider, body)).toThrow(NoFeedback);
});

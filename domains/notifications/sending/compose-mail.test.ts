import { newId } from '../../../core/ids';
import { composeMail, type MailParts } from './compose-mail';

const sendId = newId('snd');
const parts: MailParts = {
  sendId,
  from: { name: 'The "Shop", Ltd', address: 'shop@example.com' },
  to: 'ada@example.org',
  settings: { replyTo: undefined, postalAddress: '1 High Street\n<Springfield>' },
  content: { subject: 'Hello', text: 'Dear Ada' },
  unsubscribeUrl: 'https://notify.example.com/u/token',
  commercial: true,
};
const made = async (change: Partial<MailParts>) => (await composeMail({ ...parts, ...change })).toString();

/** The value of a header, unfolded. */
function header(mail: string, name: string): string | undefined {
  const head = mail.slice(0, mail.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
  return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1];
}

test('it can be unsubscribed from with one click, and has the same id whenever it is made', async () => {
  const mail = await made({});
  expect(header(mail, 'List-Unsubscribe')).toBe('<https://notify.example.com/u/token>');
  expect(header(mail, 'List-Unsubscribe-Post')).toBe('List-Unsubscribe=One-Click');
  expect(header(mail, 'Message-ID')).toBe(`<${sendId}@example.com>`);
  expect(header(await made({}), 'Message-ID')).toBe(header(mail, 'Message-ID'));
});

test('a link that is long is not folded', async () => {
  const unsubscribeUrl = `https://notify.example.com/u/${'x'.repeat(300)}`;
  expect(await made({ unsubscribeUrl })).toContain(`\r\nList-Unsubscribe: <${unsubscribeUrl}>\r\n`);
});

test('commercial mail ends with the postal address and the link, in text and in HTML', async () => {
  const mail = await made({ content: { subject: 's', text: 'Dear Ada', html: '<body><p>Dear Ada</p></body>' } });
  expect(mail).toContain('1 High Street\r\n<Springfield>\r\nUnsubscribe: https://notify.example.com/u/token');
  const html = mail.slice(mail.indexOf('text/html')).replaceAll('=\r\n', '').replaceAll('=3D', '=');
  expect(html).toContain('1 High Street<br>&#60;Springfield&#62;<br><a href="https://notify.example.com/u/token">');
  expect(html).toMatch(/<\/p><\/body>/);
});

test('what is required has no link, and what is not commercial no postal address', async () => {
  const mail = await made({ unsubscribeUrl: undefined, commercial: false });
  expect(mail).not.toMatch(/unsubscribe|High Street/i);
});

test('no value adds a header', async () => {
  const mail = await made({
    from: { name: 'x\r\nBcc: all@example.org', address: 'shop@example.com' },
    to: 'ada@example.org\r\nBcc: all@example.org',
    content: { subject: 'x\r\nBcc: all@example.org', text: '\r\n\r\nBcc: all@example.org' },
  });
  expect(header(mail, 'Bcc')).toBeUndefined();
});

import MailComposer from 'nodemailer/lib/mail-composer';
import type { PublicId } from '../../../core/ids';
import type { EmailContent } from '../rules/content';
import type { NotificationSettings } from '../store/settings';

/** What a mail is made of. */
export interface MailParts {
  sendId: PublicId;
  from: { name: string; address: string };
  to: string;
  settings: Pick<NotificationSettings, 'replyTo' | 'postalAddress'>;
  content: EmailContent;
  /** Where one click unsubscribes; undefined for what is required. */
  unsubscribeUrl: string | undefined;
  /** Whether it carries the tenant's postal address. */
  commercial: boolean;
}

/**
 * Makes a mail. Its Message-ID is the same whenever it is sent again, so that a receiver who gets it twice can tell.
 */
export async function composeMail(parts: MailParts): Promise<Buffer> {
  const { sendId, from, to, settings, content, unsubscribeUrl } = parts;
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1);
  const composer = new MailComposer({
    from,
    to: { name: '', address: to },
    replyTo: settings.replyTo,
    subject: content.subject,
    text: content.text + textFooter(parts),
    html: content.html === undefined ? undefined : withHtmlFooter(content.html, parts),
    messageId: `<${sendId}@${domain}>`,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
    headers: {
      'Auto-Submitted': 'auto-generated',
      ...(unsubscribeUrl === undefined
        ? {}
        : {
            // Prepared: folding would break the URL for some receivers.
            'List-Unsubscribe': { prepared: true, value: `<${unsubscribeUrl}>` },
            'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
          }),
    },
  });
  return composer.compile().build();
}

function textFooter({ commercial, settings, unsubscribeUrl }: MailParts): string {
  const lines = [
    ...(commercial && settings.postalAddress !== undefined ? [settings.postalAddress] : []),
    ...(unsubscribeUrl === undefined ? [] : [`Unsubscribe: ${unsubscribeUrl}`]),
  ];
  return lines.length === 0 ? '' : `\n\n-- \n${lines.join('\n')}\n`;
}

function withHtmlFooter(html: string, { commercial, settings, unsubscribeUrl }: MailParts): string {
  const parts = [
    ...(commercial && settings.postalAddress !== undefined
      ? [escapeHtml(settings.postalAddress).replace(/\r?\n/g, '<br>')]
      : []),
    ...(unsubscribeUrl === undefined ? [] : [`<a href="${escapeHtml(unsubscribeUrl)}">Unsubscribe</a>`]),
  ];
  if (parts.length === 0) return html;
  const footer = `<hr><p style="font-size:small">${parts.join('<br>')}</p>`;
  const end = html.toLowerCase().lastIndexOf('</body>');
  return end === -1 ? html + footer : html.slice(0, end) + footer + html.slice(end);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

import type { Database } from '../accounts/database.ts'
import type { Config } from '../config.ts'
import { verifySmtp } from '../mail/transport.ts'
import { about, type Finding, plural, span } from './finding.ts'
import { reasonOf } from './web-client.ts'

const STUCK_AFTER_MS = 5 * 60_000

/** The way that mails go: whether the mail server greets and takes the login. None is sent. */
export async function examineMail({ mail, production }: Config): Promise<Finding[]> {
  const { ok, warning, fault } = about('mail')
  if (mail === null) {
    return [warning('CARNET_SMTP_URL is not set: no mail is sent, not even to reset a password.')]
  }
  if (mail === 'kept') {
    const because = production ? '' : ', since this is not production'
    return [ok(`mails are kept at /dev/mail, and sent to nobody${because}`)]
  }
  const { host, username } = new URL(mail.url)
  try {
    await verifySmtp(mail.url)
    const login = username === '' ? 'asks for no login' : 'takes the login'
    return [ok(`mails are sent as ${mail.from}; ${host} answers and ${login}`)]
  } catch (error) {
    const { code, response } = error as { code?: string; response?: string }
    const said = (response ?? reasonOf(error)).replace(/\p{Cc}/gu, ' ').slice(0, 200)
    if (code === 'EAUTH')
      return [fault(`${host} refuses the login: ${said}. See to user and password in CARNET_SMTP_URL.`)]
    // Also where nobody listens, nodemailer says ESOCKET.
    const isReached = !/ECONN|ENOTFOUND|EAI_AGAIN|UNREACH|ETIMEDOUT/.test(`${code} ${said}`)
    if (isReached && (code === 'ETLS' || code === 'ESOCKET'))
      return [
        fault(
          `no safe connection to ${host}: ${said}. See to its certificate, and to smtp or smtps and the port in CARNET_SMTP_URL.`,
        ),
      ]
    return [fault(`${host} cannot be reached: ${said}. See to CARNET_SMTP_URL; mails wait until then.`)]
  }
}

/** Mails that should have gone by now. */
export async function examineOutbox(database: Database): Promise<Finding[]> {
  const { warning } = about('mail')
  const rows = await database.selectFrom('outbox').select('created_at').where('sent_at', 'is', null).execute()
  const now = Date.now()
  const oldest = Math.min(now, ...rows.map(row => row.created_at))
  if (now - oldest <= STUCK_AFTER_MS) return []
  return [
    warning(
      `${plural(rows.length, 'mail')} not sent yet, the oldest for ${span(now - oldest)}: see to CARNET_SMTP_URL, and to "mail_delayed" in the log.`,
    ),
  ]
}

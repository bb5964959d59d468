import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthService } from '@carnet/auth-service'
import { Browser } from '@carnet/demo/browser'
import { fixedManifest, parseSecrets } from '@carnet/protocol'
import test from 'ava'
import { type ParsedMail, simpleParser } from 'mailparser'
import { pino } from 'pino'
import { SMTPServer } from 'smtp-server'
import { openMigrated } from '../../packages/auth-service/src/accounts/database.ts'
import { Outbox } from '../../packages/auth-service/src/mail/outbox.ts'
import { GOOD_PASSWORD, signUp, submitForm } from '../support/accounts.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'
import { postJson, startWorld } from '../support/world.ts'

/** A real mail server of the test's own; it takes what `accept` lets pass. */
async function startSmtp(port: number, accept: () => boolean = () => true) {
  const mails: ParsedMail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      simpleParser(stream).then(mail => {
        if (!accept()) return done(Object.assign(new Error('not now'), { responseCode: 451 }))
        mails.push(mail)
        done()
      }, done)
    },
  })
  server.on('error', () => {})
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', () => resolve()))
  return { mails, close: () => new Promise<void>(resolve => server.close(() => resolve())) }
}

async function startMailWorld(port: number, adjust?: (yaml: string) => string) {
  const mail = { url: `smtp://127.0.0.1:${port}`, from: 'Carnet <login@example.com>' }
  return startWorld({ mail, ...(adjust && { adjust }) })
}

test('mails go to a mail server, as text and HTML, in the language of the person and the brand of the site', async t => {
  const port = await freePort()
  const smtp = await startSmtp(port)
  const world = await startMailWorld(port, yaml =>
    yaml.replace('fanOut: push }', 'fanOut: push, brand: { name: "Die Zeitung" } }'),
  )
  t.teardown(async () => {
    await world.close()
    await smtp.close()
  })
  await signUp(world, new Browser(), 'grace@example.com', { site: 'news' })
  await until(() => smtp.mails.length === 1)
  const [mail] = smtp.mails
  t.is(mail?.subject, 'Confirm your e-mail address for Die Zeitung')
  t.is(mail?.from?.text, '"Carnet" <login@example.com>')
  t.true(mail?.text?.includes(`${world.auth}/verify-email?token=`))
  t.true(String(mail?.html).includes(`${world.auth}/verify-email?token=`))
  t.regex(mail?.messageId ?? '', /^<[\w-]+@example\.com>$/)
  t.is(mail?.headers.get('auto-submitted'), 'auto-generated')

  const data = { name: '林', email: 'lin@example.com', password: GOOD_PASSWORD, passwordAgain: GOOD_PASSWORD }
  const headers = { 'accept-language': 'zh-TW,zh;q=0.9,en;q=0.5' }
  await postJson(new Browser(), `${world.auth}/signup`, data, headers)
  await until(() => smtp.mails.length === 2)
  t.regex(smtp.mails[1]?.subject ?? '', /確認您在 Carnet demo 的電子郵件/)
  await submitForm(new Browser(), `${world.auth}/password/forgot?site=news`, { email: 'grace@example.com' })
  await until(() => smtp.mails.length === 3)
  t.is(smtp.mails[2]?.subject, 'Choose a new password for Die Zeitung')
  t.is((await new Browser().request(`${world.auth}/dev/mail`)).status, 404, 'what was sent is not kept')
})

test('a mail server that is dead, refuses or hangs up delays mails, and none is lost or sent twice', async t => {
  const port = await freePort()
  const world = await startMailWorld(port)
  t.teardown(() => world.close())
  const due = () =>
    world.service.desk.database
      .updateTable('outbox')
      .set({ due_at: 0 })
      .where('sent_at', 'is', null)
      .execute()
  const people = Array.from({ length: 8 }, (_, index) => `p${index}@example.com`)
  const startedAt = performance.now()
  for (const email of people) t.is((await signUp(world, new Browser(), email)).status, 200)
  t.true(performance.now() - startedAt < 10_000, 'nobody waits for the mail server')

  const cutting = createServer(socket => socket.destroy())
  await new Promise<void>(resolve => cutting.listen(port, '127.0.0.1', () => resolve()))
  await due()
  await until(async () => {
    const rows = await world.service.desk.database.selectFrom('outbox').select('attempts').execute()
    return rows.every(({ attempts }) => attempts >= 2)
  }, 20_000)
  await new Promise(resolve => cutting.close(resolve))

  let refusals = 0
  const smtp = await startSmtp(port, () => refusals++ >= 4)
  t.teardown(() => smtp.close())
  await until(async () => {
    await due()
    return smtp.mails.length >= people.length
  }, 30_000)
  await until(async () => {
    const rows = await world.service.desk.database.selectFrom('outbox').select('sent_at').execute()
    return rows.every(({ sent_at }) => sent_at !== null)
  })
  t.deepEqual(smtp.mails.map(mail => [mail.to].flat()[0]?.text).sort(), people)
})

test('two services on one database send each mail once', async t => {
  const port = await freePort()
  const smtp = await startSmtp(port)
  const databaseUrl = `sqlite:${join(mkdtempSync(join(tmpdir(), 'carnet-mail-')), 'carnet.sqlite')}`
  const mail = { url: `smtp://127.0.0.1:${port}`, from: 'login@example.com' }
  const world = await startWorld({ mail, databaseUrl })
  const second = await createAuthService({
    manifest: fixedManifest(world.manifest),
    store: world.store,
    databaseUrl,
    secrets: parseSecrets('x'.repeat(32)),
    log: pino({ level: 'silent' }),
    mail,
    passwordCost: 4,
  })
  t.teardown(async () => {
    await second.close()
    await world.close()
    await smtp.close()
  })
  const { id, email } = await world.service.users.add({
    email: 'm@example.com',
    password: GOOD_PASSWORD,
    name: 'M',
  })
  const details = { language: 'en' }
  await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      (index % 2 === 0 ? world.service : second).desk.outbox.put({
        kind: 'verify',
        address: email,
        userId: id,
        details,
      }),
    ),
  )
  await until(async () => {
    const rows = await second.desk.database.selectFrom('outbox').select('sent_at').execute()
    return rows.every(({ sent_at }) => sent_at !== null)
  }, 30_000)
  t.is(smtp.mails.length, 30)
  t.is(new Set(smtp.mails.map(({ messageId }) => messageId)).size, 30)
})

test('of services that take a mail at the same moment one gets it', async t => {
  const url = `sqlite:${join(mkdtempSync(join(tmpdir(), 'carnet-outbox-')), 'carnet.sqlite')}`
  const databases = [await openMigrated(url), await openMigrated(url)]
  t.teardown(() => Promise.all(databases.map(database => database.destroy())))
  const outboxes = databases.map(database => new Outbox(database))
  for (let round = 0; round < 20; round++) {
    const details = { language: 'en' }
    await outboxes[0]?.put({ kind: 'verify', address: 'a@example.com', userId: 'u', details })
    const taken = (await Promise.all(outboxes.map(outbox => outbox.take(1)))).flat()
    t.is(taken.length, 1)
    await outboxes[0]?.done(taken[0]?.id ?? '')
  }
})

test('kept mails are for peers on this machine, and nobody behind a proxy', async t => {
  const world = await startWorld()
  t.teardown(() => world.close())
  const ask = (headers: Record<string, string>) =>
    new Browser().request(`${world.auth}/dev/mail`, { headers: { accept: 'application/json', ...headers } })
  t.deepEqual(JSON.parse((await ask({})).body), { code: 0, message: 'mail', data: [] })
  t.is((await ask({ 'x-forwarded-for': '192.0.2.1' })).status, 404)
  await signUp(world, new Browser(), 'grace@example.com')
  await until(async () => (JSON.parse((await ask({})).body) as { data: object[] }).data.length === 1)
  const [mail] = (JSON.parse((await ask({})).body) as { data: object[] }).data
  t.deepEqual(Object.keys(mail ?? {}).sort(), ['html', 'sentAt', 'subject', 'text', 'to'])
  const page = await new Browser().request(`${world.auth}/dev/mail`)
  t.regex(page.body, /<a href="[^"]+\/verify-email\?token=/)
})

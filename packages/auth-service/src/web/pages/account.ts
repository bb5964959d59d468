import type { Manifest } from '@carnet/protocol'
import type { SessionView } from '../../accounts/session-list.ts'
import type { Account } from '../../accounts/user-row.ts'
import { type Html, html } from '../../html.ts'
import type { Ctx, Flash } from '../context.ts'
import { field, said } from './fields.ts'
import { form, sendPage, wayOut } from './layout.ts'

/** The account at a glance. */
export function accountPage(
  ctx: Ctx,
  { manifest, account, flash }: { manifest: Manifest; account: Account; flash: Flash | null },
): void {
  const { base, texts } = ctx.state
  const { account: words, fields, home } = texts
  const { name, email, emailVerified } = account.user
  const elsewhere = manifest.accounts.credentials !== null
  sendPage(ctx, {
    title: words.title,
    wide: true,
    body: html`
<h1>${words.title}</h1>
${said(flash)}
${!emailVerified && !elsewhere && html`<p class="alert">${home.unverified} <a href="${base}/verify-email">${home.confirm}</a></p>`}
<section>
<h2>${words.profile}</h2>
${
  elsewhere
    ? html`<p>${name}</p><p class="hint">${words.elsewhere}</p>`
    : form(
        ctx,
        '/account/profile',
        html`<div class="row">${field(flash, { name: 'name', label: fields.name, type: 'text', value: name, autocomplete: 'name' })}
<button class="quiet">${words.save}</button></div>`,
      )
}
</section>
<section>
<h2>${words.email}</h2>
<p>${email} <small class="tag">${emailVerified ? words.confirmed : words.unconfirmed}</small></p>
${!elsewhere && html`<p><a href="${base}/account/email">${words.changeEmail}</a></p>`}
</section>
${!elsewhere && html`<section><h2>${words.password}</h2><p><a href="${base}/account/password">${words.changePassword}</a></p></section>`}
<section><h2>${words.sessions}</h2><p><a href="${base}/account/sessions">${words.sessionsLead}</a></p></section>
<section>
<h2>${words.data}</h2>
<p><a href="${base}/account/export">${words.export}</a></p>
${!elsewhere && html`<p><a href="${base}/account/delete">${words.remove}</a></p>`}
</section>
<a class="button quiet" href="${base}/">${words.start}</a>
${wayOut(ctx)}`,
  })
}

/** The page on which another address is given. */
export function changeEmailPage(ctx: Ctx, { flash }: { flash: Flash | null }): void {
  const { base, texts } = ctx.state
  const { account: words, fields } = texts
  sendPage(ctx, {
    title: words.changeEmail,
    body: html`
<h1>${words.changeEmail}</h1>
<p class="lead">${words.changeEmailLead}</p>
${said(flash)}
${form(
  ctx,
  '/account/email',
  html`${field(flash, { name: 'email', label: fields.newEmail, type: 'email', autocomplete: 'email', focus: true })}
<button>${words.changeEmail}</button>`,
)}
<a class="button quiet" href="${base}/account">${words.back}</a>
${wayOut(ctx)}`,
  })
}

/** Asks whether to delete the account. */
export function deletePage(ctx: Ctx): void {
  const { base, texts } = ctx.state
  const { account: words } = texts
  sendPage(ctx, {
    title: words.remove,
    body: html`
<h1>${words.removeTitle}</h1>
<p class="lead">${words.removeLead}</p>
${form(ctx, '/account/delete', html`<button class="danger">${words.removeButton}</button>`)}
<a class="button quiet" href="${base}/account">${words.keep}</a>
${wayOut(ctx)}`,
  })
}

/** Where the person is signed in. */
export function sessionsPage(
  ctx: Ctx,
  page: { manifest: Manifest; sessions: readonly SessionView[]; current: string; flash: Flash | null },
): void {
  const { base, texts } = ctx.state
  const { account: words, sessions: ends } = texts
  const { manifest, sessions, current, flash } = page
  sendPage(ctx, {
    title: words.sessions,
    wide: true,
    body: html`
<h1>${words.sessions}</h1>
<p class="lead">${words.sessionsLead}</p>
${said(flash)}
<ul class="sessions">
${sessions.map(session => entry(ctx, manifest, session, session.id === current))}
</ul>
${
  sessions.length > 1 &&
  form(
    ctx,
    '/account/sessions',
    html`<button class="quiet" name="end" value="others">${ends.others}</button>`,
  )
}
${form(ctx, '/account/sessions', html`<button class="quiet" name="end" value="everywhere">${ends.everywhere}</button>`)}
<a class="button quiet" href="${base}/account">${words.back}</a>
${wayOut(ctx)}`,
  })
}

function entry(ctx: Ctx, manifest: Manifest, session: SessionView, isThis: boolean): Html {
  const { language, texts } = ctx.state
  const { sessions: words } = texts
  const format = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  })
  const moment = (at: number) => `${format.format(at)} UTC`
  // Where another system keeps the password, no new one can be asked for here.
  const disowns = !isThis && manifest.accounts.credentials === null
  const which = `${session.device || words.unknownDevice}, ${moment(session.startedAt)}`
  const names = session.sites.map(id => manifest.sites.find(site => site.id === id)?.name ?? id)
  const facts = [
    words.place(session.address),
    words.since(moment(session.startedAt)),
    words.lastSeen(moment(session.lastSeenAt)),
    ...(names.length === 0 ? [] : [words.at(new Intl.ListFormat(language).format(names))]),
  ]
  return html`<li>
<div><b>${session.device || words.unknownDevice}</b>
${isThis && html`<small class="tag">${words.this}</small>`}${session.remembered && html`<small class="tag">${words.remembered}</small>`}
<p class="hint">${facts.map((fact, index) => html`${index > 0 && html`<br>`}${fact}`)}</p></div>
${form(
  ctx,
  '/account/sessions',
  html`<input type="hidden" name="end" value="${session.id}">
<button class="quiet small" aria-label="${words.end}: ${which}">${words.end}</button>
${disowns && html`<button class="quiet small" name="notMe" value="1" aria-label="${words.notMe}: ${which}">${words.notMe}</button>`}`,
)}
</li>`
}

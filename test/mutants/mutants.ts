/** One exact text of a file, and what takes its place. */
export interface Patch {
  /** From the root of the repository. */
  readonly file: string
  /** Must stand there exactly once. */
  readonly from: string
  readonly to: string
}

/** A build that is broken on purpose, in one way that still works for honest people. */
export interface Mutant {
  readonly name: string
  /** What is wrong with it, for the table. */
  readonly what: string
  readonly patches: readonly Patch[]
  /** The file of the cases that must catch it, below `test/security`. */
  readonly file: string
  /** The ids of those cases. */
  readonly cases: readonly string[]
  /** The store that the demo walks on with it. Default: the embedded one. */
  readonly store?: 'redis'
}

const PROTOCOL = 'packages/protocol/src'
const AGENT = 'packages/site-agent/src'
const SERVICE = 'packages/auth-service/src'

/** The broken builds. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'get-then-del',
    what: 'a ticket is read with GET and then deleted',
    file: 'tickets.test.ts',
    cases: ['T1'],
    store: 'redis',
    patches: [
      {
        file: `${PROTOCOL}/store/redis.ts`,
        from: 'const stored = await answered(this.#redis.getdel(key))',
        to: 'const stored = await answered(this.#redis.get(key))\n    await answered(this.#redis.del(key))',
      },
    ],
  },
  {
    name: 'no-audience',
    what: 'a ticket is taken at any site',
    file: 'tickets.test.ts',
    cases: ['T2'],
    patches: [
      { file: `${PROTOCOL}/ticket.ts`, from: 'if (site !== shown.site) {', to: "if (site === '') {" },
    ],
  },
  {
    name: 'no-nonce',
    what: 'the way back asks for no nonce of this browser’s',
    file: 'tickets.test.ts',
    cases: ['T3'],
    patches: [
      {
        file: `${PROTOCOL}/ticket.ts`,
        from: 'if (shown.state === null || shown.state !== record.nonceHash) {',
        to: "if (record.nonceHash === '') {",
      },
    ],
  },
  {
    name: 'judge-then-burn',
    what: 'a ticket that was refused is still good',
    file: 'tickets.test.ts',
    cases: ['T3'],
    patches: [
      {
        file: `${PROTOCOL}/ticket.ts`,
        from: 'const remark = record.nonceHash === null ? judgePushed(record, shown) : judgeNonceBound(record, shown)',
        to: `let remark
  try {
    remark = record.nonceHash === null ? judgePushed(record, shown) : judgeNonceBound(record, shown)
  } catch (error) {
    await store.issue([{ ticket, record, until: store.now() + 3000 }])
    throw error
  }`,
      },
    ],
  },
  {
    name: 'logged-target',
    what: 'a refusal is logged with the address that was asked for',
    file: 'tickets.test.ts',
    cases: ['T4'],
    patches: [
      {
        file: `${AGENT}/agent.ts`,
        from: '{ site: place.site.id, code: refusal.code, ...(',
        to: '{ site: place.site.id, code: refusal.code, target: request.target, ...(',
      },
    ],
  },
  {
    name: 'offline-queue',
    what: 'what cannot be sent to the store is kept and sent later',
    file: 'tickets.test.ts',
    cases: ['T5'],
    store: 'redis',
    patches: [
      {
        file: `${PROTOCOL}/store/redis-connection.ts`,
        from: 'const STRICT = {\n  enableOfflineQueue: false,',
        to: 'const STRICT = {\n  enableOfflineQueue: true,',
      },
      {
        file: `${PROTOCOL}/store/redis-connection.ts`,
        from: 'maxRetriesPerRequest: 0,',
        to: 'maxRetriesPerRequest: null,',
      },
    ],
  },
  {
    name: 'relative-life',
    what: 'a ticket’s life counts from when it arrives at the store',
    file: 'tickets.test.ts',
    cases: ['T5'],
    store: 'redis',
    patches: [
      {
        file: `${PROTOCOL}/store/redis.ts`,
        from: "JSON.stringify(record)}`, 'PXAT', until, 'NX')",
        to: "JSON.stringify(record)}`, 'PX', Math.ceil(until - this.now()), 'NX')",
      },
    ],
  },
  {
    name: 'head-spends',
    what: 'HEAD is taken for GET, and spends a ticket',
    file: 'tickets.test.ts',
    cases: ['T7'],
    patches: [
      {
        file: `${AGENT}/agent.ts`,
        from: "request.method === 'GET' || request.method === 'POST' ? own[request.method] : undefined",
        to: "own[request.method === 'POST' ? 'POST' : 'GET']",
      },
    ],
  },
  {
    name: 'session-kept-at-sign-in',
    what: 'a sign-in goes on under the session that the browser had',
    file: 'sessions.test.ts',
    cases: ['S1'],
    patches: [
      {
        file: `${SERVICE}/web/enter.ts`,
        from: 'const sid = newSid()',
        to: 'const sid = ctx.state.session?.sid ?? newSid()',
      },
      {
        file: `${SERVICE}/web/enter.ts`,
        from: 'if (ctx.state.session !== null) await desk.sessions.endShown(ctx.state.session.sid)\n',
        to: '',
      },
    ],
  },
  {
    name: 'claim-authenticates',
    what: 'a claim counts as a session where a form is sent',
    file: 'sessions.test.ts',
    cases: ['S2'],
    patches: [
      {
        file: `${AGENT}/session-check.ts`,
        from: 'if (cookie === null) return null\n',
        to: `if (cookie === null) {
    const claim = request.method === 'GET' ? null : soleCookie(cookieHeader(request), place.names.claim)
    const value = claim === null ? null : place.signer.verify('claim', claim)
    return value === null ? null : place.cache.read(claim, value.split('.')[0], place.current.session.idle)
  }
`,
      },
    ],
  },
  {
    name: 'no-tombstone',
    what: 'a sign-out at a site is not kept in mind, so that being remembered undoes it',
    file: 'sessions.test.ts',
    cases: ['S3'],
    patches: [
      {
        file: `${PROTOCOL}/store/redis-revoker.ts`,
        from: "if (until > 0) step.set(tombstoneKey(sid), '', 'PXAT', until)\n",
        to: '',
      },
      {
        file: `${PROTOCOL}/store/memory.ts`,
        from: 'if (until > this.now()) this.#tombstones.set(tombstoneKey(sid), { value: true, until })\n',
        to: '',
      },
    ],
  },
  {
    name: 'one-nonce',
    what: 'all bounces of a browser share one nonce cookie',
    file: 'sessions.test.ts',
    cases: ['S4'],
    patches: [
      {
        file: `${AGENT}/nonce.ts`,
        from: "return place.names.nonce + hash.slice(0, 12).replace(/[^\\w-]/g, '')",
        to: "return place.names.nonce + 'one'",
      },
    ],
  },
  {
    name: 'unsigned-cookie',
    what: 'a session cookie’s signature is not compared',
    file: 'sessions.test.ts',
    cases: ['S5'],
    patches: [
      {
        file: `${PROTOCOL}/cookie.ts`,
        from: 'if (signature.length === expected.length && timingSafeEqual(signature, expected)) return value',
        to: 'if (signature.length === expected.length) return value',
      },
    ],
  },
  {
    name: 'trimmed-names',
    what: 'a cookie whose name stands behind a no-break space counts as the one without',
    file: 'sessions.test.ts',
    cases: ['S5'],
    patches: [
      {
        file: `${PROTOCOL}/cookie.ts`,
        from: 'name: strip(pair.slice(0, equals))',
        to: 'name: pair.slice(0, equals).trim()',
      },
    ],
  },
  {
    name: 'duplicate-cookies',
    what: 'of two session cookies in one request the first is taken',
    file: 'sessions.test.ts',
    cases: ['S5'],
    patches: [
      {
        file: `${PROTOCOL}/cookie.ts`,
        from: 'if (found !== null) return null',
        to: 'if (found !== null) return found',
      },
    ],
  },
  {
    name: 'write-back',
    what: 'a touch writes the whole session back',
    file: 'sessions.test.ts',
    cases: ['S6'],
    patches: [
      {
        file: `${PROTOCOL}/toucher.ts`,
        from: 'const live = await touchSessions(this.#store, due)\n',
        to: `const live = await touchSessions(this.#store, due)
      for (const { sid, session, idle } of due) {
        if ('user' in session) await this.#store.start(sid, session, this.#store.now() + idle)
      }
`,
      },
    ],
  },
  {
    name: 'no-replay',
    what: 'a store that starts anew is told nothing of what has ended',
    file: 'sessions.test.ts',
    cases: ['S7'],
    patches: [
      {
        file: `${SERVICE}/accounts/endings.ts`,
        from: 'let last: { id: string; ended_at: number } | null = null\n',
        to: 'let last: { id: string; ended_at: number } | null = null\n    if (since >= 0) return\n',
      },
    ],
  },
  {
    name: 'no-push',
    what: 'agents keep sessions in memory and are not told of revocations',
    file: 'sessions.test.ts',
    cases: ['S8'],
    patches: [
      {
        file: `${PROTOCOL}/store/redis-link.ts`,
        from: 'await this.#publish(forgetChannel(lane), why',
        to: 'void [lane].concat(why',
      },
    ],
  },
  {
    name: 'disabled-stays',
    what: 'sessions of who was disabled live on',
    file: 'sessions.test.ts',
    cases: ['S9'],
    patches: [
      {
        file: `${SERVICE}/accounts/endings.ts`,
        from: 'if (account === null || account.disabled || account.epoch !== epoch) return',
        to: 'if (account === null && ended_at !== null) return',
      },
    ],
  },
  {
    name: 'leftmost-forwarded-for',
    what: 'the leftmost address in X-Forwarded-For is believed',
    file: 'addresses.test.ts',
    cases: ['A1'],
    patches: [
      {
        file: `${PROTOCOL}/binding.ts`,
        from: "if (peer !== '' && trust(peer)) {",
        to: `const said = String(headers['x-forwarded-for'] ?? '').split(',', 1)[0].trim()
  if (said !== '') return { address: normalizeAddress(said), userAgent, addressUncertain: false }
  if (peer !== '' && trust(peer)) {`,
      },
    ],
  },
  {
    name: 'request-host-in-mail',
    what: 'the links of mails name the host of the request',
    file: 'addresses.test.ts',
    cases: ['A2'],
    patches: [
      {
        file: `${SERVICE}/web/mails.ts`,
        from: 'return { language: ctx.state.language,',
        to: 'globalThis.host = ctx.host\n  return { language: ctx.state.language,',
      },
      {
        file: `${SERVICE}/mail/mailer.ts`,
        from: 'const links = linksAt(manifest.auth)',
        to: "const links = linksAt(globalThis.host ? 'http://' + globalThis.host : manifest.auth)",
      },
    ],
  },
  {
    name: 'prefix-return-to',
    what: 'a return_to that begins with an allowed origin is taken',
    file: 'redirects.test.ts',
    cases: ['R1'],
    patches: [
      {
        file: `${PROTOCOL}/redirect.ts`,
        from: 'const url = new URL(value, base)\n',
        to: 'const url = new URL(value, base)\n  if (allowed.some(origin => value.startsWith(origin))) return url\n',
      },
    ],
  },
  {
    name: 'endless-bounce',
    what: 'a refused return begins a fresh bounce, however often',
    file: 'redirects.test.ts',
    cases: ['R2'],
    patches: [
      {
        file: `${AGENT}/routes/bounce.ts`,
        from: 'if (!isRetry(state)) return',
        to: "if (state !== 'x') return",
      },
    ],
  },
  {
    name: 'free-unknown-user',
    what: 'for an unknown user no hash is computed',
    file: 'credentials.test.ts',
    cases: ['C1'],
    patches: [
      {
        file: `${SERVICE}/accounts/users.ts`,
        from: 'const matches = await this.#passwords.verify(password, hash)',
        to: 'const matches = hash !== null && (await this.#passwords.verify(password, hash))',
      },
    ],
  },
  {
    name: 'no-prehash',
    what: 'bcrypt is given the password itself',
    file: 'credentials.test.ts',
    cases: ['C2'],
    patches: [
      {
        file: `${SERVICE}/accounts/password-worker.ts`,
        from: "return createHmac('sha256', 'carnet password').update(password.normalize('NFKC')).digest('base64')",
        to: "return password.normalize('NFKC')",
      },
    ],
  },
  {
    name: 'hash-on-the-loop',
    what: 'passwords are hashed on the event loop',
    file: 'credentials.test.ts',
    cases: ['C2'],
    patches: [
      {
        file: `${SERVICE}/accounts/passwords.ts`,
        from: 'return (await this.#workers.run(task, { name })) as T',
        to: "return (await import('./password-worker.ts'))[name](task)",
      },
    ],
  },
  {
    name: 'endless-queue',
    what: 'any number of passwords may wait to be hashed',
    file: 'credentials.test.ts',
    cases: ['C2'],
    patches: [{ file: `${SERVICE}/accounts/passwords.ts`, from: 'maxQueue: MOST_WAITING,\n', to: '' }],
  },
  {
    name: 'counted-afterwards',
    what: 'a try is counted once it was judged',
    file: 'credentials.test.ts',
    cases: ['C3'],
    patches: [
      {
        file: `${SERVICE}/limits.ts`,
        from: `for (const each of waits) taken.push(await this.#patiently(each.key, isRight, () => this.#wait(each)))
`,
        to: '',
      },
      {
        file: `${SERVICE}/limits.ts`,
        from: `const judged = await this.#ofAccounts.run(account, () => this.#ofNetworks.run(network, judge))
`,
        to: `const judged = await this.#ofAccounts
        .run(account, () => this.#ofNetworks.run(network, judge))
        .catch(async error => {
          for (const each of waits) await this.#wait(each)
          throw error
        })
`,
      },
    ],
  },
  {
    name: 'read-then-count',
    what: 'tries are read, added to and written back',
    file: 'credentials.test.ts',
    cases: ['C3'],
    patches: [
      {
        file: `${SERVICE}/limits.ts`,
        from: 'const { consumedPoints } = await this.#tries.penalty(key)\n',
        to: `const consumedPoints = ((await this.#tries.get(key))?.consumedPoints ?? 0) + 1
    await this.#tries.set(key, consumedPoints, TRIES_FORGOTTEN_S)
`,
      },
    ],
  },
  {
    name: 'silent-theft',
    what: 'an old token of a remembered browser is refused, and nothing follows',
    file: 'credentials.test.ts',
    cases: ['C4'],
    patches: [
      {
        file: `${SERVICE}/accounts/remember.ts`,
        from: "return { outcome: 'stolen', userId: row.user_id, seriesId }",
        to: "return { outcome: 'unknown' }",
      },
    ],
  },
  {
    name: 'verify-by-get',
    what: 'opening a mailed link confirms the address',
    file: 'credentials.test.ts',
    cases: ['C5'],
    patches: [
      {
        file: `${SERVICE}/web/routes/verify-email.ts`,
        from: 'const { email, purpose } = link.token\n',
        to: 'const { email, purpose } = link.token\n    if (await desk.tokens.spend(link.token)) return confirm(desk, ctx, link)\n',
      },
    ],
  },
  {
    name: 'one-key-for-all-mails',
    what: 'a mailed token is good for any purpose',
    file: 'credentials.test.ts',
    cases: ['C5'],
    patches: [
      { file: `${SERVICE}/accounts/mail-tokens.ts`, from: '`auth/mail/$' + '{purpose}`', to: "'auth/mail'" },
      {
        file: `${SERVICE}/accounts/mail-tokens.ts`,
        from: 'typ: `carnet-$' + '{purpose}+jwt`,\n        requiredClaims',
        to: 'requiredClaims',
      },
    ],
  },
  {
    name: 'two-addresses',
    what: 'an e-mail address may have a second @',
    file: 'credentials.test.ts',
    cases: ['C6'],
    patches: [{ file: `${SERVICE}/accounts/email.ts`, from: ' || more.length > 0', to: '' }],
  },
  {
    name: 'loose-forms',
    what: 'fields that a form does not have are passed over',
    file: 'credentials.test.ts',
    cases: ['C7'],
    patches: [
      {
        file: `${SERVICE}/web/form.ts`,
        from: "if (issue.code === 'unrecognized_keys') {",
        to: "if (issue.code === 'unrecognized_keys') {\n      const body = ctx.request.body as Record<string, unknown>\n      for (const key of issue.keys) delete body[key]\n      return parseForm(ctx, schema)",
      },
    ],
  },
  {
    name: 'no-origin-check',
    what: 'a state change may start on any page',
    file: 'browser.test.ts',
    cases: ['B1'],
    patches: [
      {
        file: `${PROTOCOL}/request-origin.ts`,
        from: "const site = headers['sec-fetch-site']\n",
        to: "if (ownOrigins.length > 0) return 'same'\n  const site = headers['sec-fetch-site']\n",
      },
    ],
  },
  {
    name: 'same-site-is-same',
    what: 'a sibling domain counts as the same origin',
    file: 'browser.test.ts',
    cases: ['B1'],
    patches: [
      {
        file: `${PROTOCOL}/request-origin.ts`,
        from: "if (site === 'same-origin') return 'same'",
        to: "if (site === 'same-origin' || site === 'same-site') return 'same'",
      },
    ],
  },
  {
    name: 'open-cors',
    what: 'any origin may read what the service answers',
    file: 'browser.test.ts',
    cases: ['B2'],
    patches: [
      {
        file: `${SERVICE}/web/middleware/headers.ts`,
        from: "'Cache-Control': 'no-store',\n",
        to: "'Cache-Control': 'no-store',\n      'Access-Control-Allow-Origin': '*',\n",
      },
    ],
  },
  {
    name: 'third-party-session',
    what: 'a site’s session cookie is SameSite=None',
    file: 'browser.test.ts',
    cases: ['B3'],
    patches: [
      {
        file: `${AGENT}/session-check.ts`,
        from: "value: signSid(place.signer, sid),\n    sameSite: 'Lax',\n    secure: place.names.secure,",
        to: "value: signSid(place.signer, sid),\n    sameSite: 'None',\n    secure: true,",
      },
    ],
  },
  {
    name: 'cacheable-pixel',
    what: 'the image of a pixel may be kept for a minute',
    file: 'browser.test.ts',
    cases: ['B4'],
    patches: [
      {
        file: `${AGENT}/routes/pixel.ts`,
        from: "return answer(200, 'image/gif', GIF, { cookies })",
        to: "return answer(200, 'image/gif', GIF, { cookies, headers: { 'Cache-Control': 'public, max-age=60' } })",
      },
    ],
  },
  {
    name: 'no-deadline',
    what: 'the store may take as long as it likes',
    file: 'availability.test.ts',
    cases: ['V1'],
    store: 'redis',
    patches: [
      {
        file: `${PROTOCOL}/store/redis-connection.ts`,
        from: 'commandTimeout: COMMAND_DEADLINE_MS,\n',
        to: '',
      },
      { file: `${PROTOCOL}/store/redis-connection.ts`, from: 'socketTimeout: 1_000,\n', to: '' },
    ],
  },
  {
    name: 'blind-readiness',
    what: 'a store that takes no writes counts as ready',
    file: 'availability.test.ts',
    cases: ['V2'],
    store: 'redis',
    patches: [
      {
        file: `${SERVICE}/following.ts`,
        from: 'return this.#beat.succeeds',
        to: 'return this.#beat.succeeds || true',
      },
    ],
  },
  {
    name: 'eviction-allowed',
    what: 'production starts on a store that throws sessions away',
    file: 'availability.test.ts',
    cases: ['V3'],
    patches: [
      {
        file: `${SERVICE}/service.ts`,
        from: 'if (refusesEviction && store.evicts()) throw new TypeError(EVICTS)\n',
        to: '',
      },
    ],
  },
  {
    name: 'unacknowledged-sign-out',
    what: 'a sign-out says that it is done though the store did not say so',
    file: 'tickets.test.ts',
    cases: ['T6'],
    store: 'redis',
    patches: [
      {
        file: `${PROTOCOL}/session.ts`,
        from: 'if (performance.now() + 100 > deadline) {',
        to: 'if (performance.now() + 100 > deadline) return false\n      if (deadline < 0) {',
      },
    ],
  },
  {
    name: 'nonce-forgotten',
    what: 'the auth service takes a signed request as often as it is sent',
    file: 'over-http.test.ts',
    cases: ['H1'],
    patches: [
      {
        file: `${SERVICE}/agents/signed.ts`,
        from: 'if (!(await desk.store.once(site.id, signature.nonce, until))) {',
        to: "if (!(await desk.store.once(site.id, signature.nonce, until)) && site.id === '') {",
      },
    ],
  },
  {
    name: 'body-unsigned',
    what: 'a signature does not cover the body',
    file: 'over-http.test.ts',
    cases: ['H1'],
    patches: [
      {
        file: `${PROTOCOL}/signed-request.ts`,
        from: "const digest = hash('sha256', body, 'base64url')",
        to: "const digest = hash('sha256', body.slice(0, 0), 'base64url')",
      },
    ],
  },
  {
    name: 'no-clock',
    what: 'a signature is good for ever',
    file: 'over-http.test.ts',
    cases: ['H1'],
    patches: [
      {
        file: `${SERVICE}/agents/signed.ts`,
        from: 'if (Math.abs(now - signature.at) > CLOCKS_WITHIN_MS) {',
        to: 'if (Math.abs(now - signature.at) < -CLOCKS_WITHIN_MS) {',
      },
    ],
  },
  {
    name: 'reads-all',
    what: 'a site reads every session over HTTP whose sid it knows',
    file: 'over-http.test.ts',
    cases: ['H2'],
    patches: [
      {
        file: `${SERVICE}/agents/routes.ts`,
        from: 'if (session === null || isAdmitted !== true) throw gone()',
        to: 'if (session === null || isAdmitted === undefined) throw gone()',
      },
    ],
  },
  {
    name: 'stream-believed',
    what: 'a stream that has gone silent is believed on',
    file: 'over-http.test.ts',
    cases: ['H3'],
    patches: [
      {
        file: `${PROTOCOL}/store/http-link.ts`,
        from: '= ms === 0 ? 0 : from + ms',
        to: '= ms === 0 ? 0 : from + 4 * ms',
      },
      {
        file: `${PROTOCOL}/store/http-link.ts`,
        from: 'const SILENT_FOR_MS = 2_000',
        to: 'const SILENT_FOR_MS = 9_000',
      },
    ],
  },
  {
    name: 'takeover-unbound',
    what: 'the auth service takes over a session that another browser began',
    file: 'over-http.test.ts',
    cases: ['H4'],
    patches: [
      {
        file: `${SERVICE}/web/routes/takeover.ts`,
        from: "hash('sha256', kept.nonce, 'base64url') !== state",
        to: "kept.nonce === ''",
      },
    ],
  },
  {
    name: 'passwords-from-all',
    what: 'every site may pass passwords on',
    file: 'over-http.test.ts',
    cases: ['H5'],
    patches: [
      {
        file: `${SERVICE}/agents/sign-in.ts`,
        from: 'if (site.signInForm) return site',
        to: "if (site.signInForm || site.id !== '') return site",
      },
    ],
  },
]

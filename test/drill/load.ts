import { randomInt } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { emailIn, type Known, type Oracle, TICKET_BOUND_MS } from './oracle.ts'
import type { World } from './processes.ts'
import { showTicket, ticketIn } from './show-ticket.ts'
import { type Answer, send, Visitor } from './visitor.ts'

const PASSWORD = 'seven purple kettles sing'
const USERS = 4
const JSON_TYPE = 'application/json'

/** How much is asked for at a time. */
export interface LoadOptions {
  /** People who come, look around and sign out, at the same time. */
  readonly lanes?: number
  /** People who are there before the fault and sign out soon after it began: what a store forgets then is theirs. */
  readonly stayers?: number
  /** People who stay signed in, and whom every site is asked about several times a second. */
  readonly residents?: number
}

interface Person {
  readonly visitor: Visitor
  readonly session: Known
}

/** People at a world's sites, whose answers an oracle hears. */
export class Load {
  readonly #world: World
  readonly #oracle: Oracle
  readonly #lanes: number
  readonly #stayers: number
  readonly #residents: number
  readonly #ended: Known[] = []
  readonly #registered: string[] = []
  readonly #running: Promise<void>[] = []
  readonly #later = new Set<Promise<void>>()
  #stopped = false
  #count = 0

  constructor(world: World, oracle: Oracle, { lanes = 4, stayers = 12, residents = 3 }: LoadOptions = {}) {
    this.#world = world
    this.#oracle = oracle
    this.#lanes = lanes
    this.#stayers = stayers
    this.#residents = residents
  }

  /** Registers the users, and lets people come. */
  async start(): Promise<void> {
    for (let count = 0; count < USERS; count++) {
      if (!(await this.#signUp())) throw new Error('Nobody could be registered.')
    }
    for (let count = 0; count < this.#lanes; count++) this.#running.push(this.#lane(count))
    const stayers = await Promise.all(Array.from({ length: this.#stayers }, () => this.#signIn()))
    this.#running.push(...stayers.map(person => this.#stayer(person)))
    for (let count = 0; count < this.#residents; count++) this.#running.push(this.#resident())
    this.#running.push(this.#auditor())
  }

  /** Lets nobody come any more, waits until all have gone, and asks once more about everything that was acknowledged. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
    while (this.#later.size > 0) await Promise.all(this.#later)
    const places = [this.#world.auth, ...this.#world.sites.map(({ origin }) => origin)]
    await eachOf(
      this.#ended.flatMap(session => places.map(origin => ({ session, origin }))),
      8,
      ({ session, origin }) => this.#checkAgain(session, origin),
    )
    await eachOf(this.#registered, 2, async email => {
      const answer = await new Visitor('carnet-drill/audit').send(`${this.#world.auth}/signin`, {
        json: { email, password: PASSWORD },
      })
      if (answer.status === 401) this.#oracle.violated('registration lost', email)
    })
  }

  async #lane(number: number): Promise<void> {
    // Not all at once: they would move in step.
    await setTimeout(number * 150)
    while (!this.#stopped) {
      if (this.#count % 8 === 7) await this.#signUp()
      const person = await this.#signIn()
      if (person === null) {
        await setTimeout(150)
        continue
      }
      await this.#bounce(person, this.#world.sites[randomInt(3)]?.origin ?? '')
      for (let round = 0; round < 2; round++) {
        await this.#checkEverywhere(person.session)
        await setTimeout(randomInt(100))
      }
      await this.#signOut(person)
    }
  }

  /** Signs out soon after the fault began, and then comes and stays again and again. */
  async #stayer(first: Person | null): Promise<void> {
    let person = first
    while (!this.#stopped && performance.now() < this.#oracle.beganAt) await setTimeout(50)
    for (let stayMs = randomInt(2_000); !this.#stopped; stayMs = 2_000 + randomInt(4_000)) {
      await setTimeout(stayMs)
      if (person !== null) await this.#signOut(person)
      person = await this.#signIn()
    }
  }

  async #resident(): Promise<void> {
    let person: Person | null = null
    while (!this.#stopped) {
      person ??= await this.#signIn()
      if (person !== null) {
        const answers = await this.#checkEverywhere(person.session)
        if (answers.some(({ status }) => status === 401)) person = null
      }
      await setTimeout(150)
    }
  }

  /** Asks about some of those who are signed out, again and again. */
  async #auditor(): Promise<void> {
    while (!this.#stopped) {
      await setTimeout(250)
      const places = [this.#world.auth, ...this.#world.sites.map(({ origin }) => origin)]
      const session = this.#ended[randomInt(Math.max(1, this.#ended.length))]
      const latest = this.#ended.at(-1 - randomInt(6))
      for (const one of [session, latest]) {
        if (one !== undefined) await this.#checkAgain(one, places[randomInt(places.length)] ?? '')
      }
    }
  }

  async #signUp(): Promise<boolean> {
    const email = `person${this.#count++}-${randomInt(1e9)}@example.com`
    const answer = await new Visitor('carnet-drill/new').send(`${this.#world.auth}/signup`, {
      json: { name: 'Person', email, password: PASSWORD, passwordAgain: PASSWORD },
    })
    const good = answer.status === 200 || answer.status === 201
    this.#oracle.note('sign-up', answer, good)
    if (good) this.#registered.push(email)
    return good
  }

  /** A new browser that signs in, is taken to every site by the fan-out, and shows each ticket more than once. */
  async #signIn(): Promise<Person | null> {
    const name = `session ${this.#count++}`
    const email = this.#registered[randomInt(this.#registered.length)] ?? ''
    const visitor = new Visitor(`carnet-drill/${this.#count}`)
    const { auth, sites } = this.#world
    const answer = await visitor.send(`${auth}/signin`, { json: { email, password: PASSWORD } })
    if (!this.#oracle.note('sign-in', answer, answer.status === 200)) {
      if (answer.status === 401) this.#oracle.violated('registration lost', email)
      return null
    }
    if (emailIn(answer) !== email)
      this.#oracle.violated('wrong user', name, `${emailIn(answer)} for ${email} at the sign-in`)
    const session: Known = { name, email, cookies: new Map(), ending: false, ended: null }
    session.cookies.set(auth, visitor.cookieFor(auth))
    const person = { visitor, session }
    const { data } = JSON.parse(answer.body) as { data: { fanOut: { url: string }[] } }
    await Promise.all(data.fanOut.map(({ url }) => this.#load(person, url, answer.endedAt)))
    for (const { origin } of sites) await this.#arrive(person, origin)
    return person
  }

  /** Loads a pixel: a pushed one has its ticket, a pulled one fetches it. */
  async #load({ visitor }: Person, url: string, receivedAt: number): Promise<void> {
    if (new URL(url).searchParams.has('ticket')) {
      // Some are kept until they must be dead.
      if (randomInt(8) === 0) return this.#showLate(visitor, url, receivedAt)
      return this.#show(visitor, url, receivedAt)
    }
    const begun = await visitor.send(url)
    if (begun.status !== 302) return void this.#oracle.note('redeem', begun, false)
    const back = await visitor.send(begun.location)
    if (back.status !== 302) return void this.#oracle.note('redeem', back, false)
    if (ticketIn(back.location) !== null) await this.#show(visitor, back.location, back.endedAt)
  }

  /** Enters a site by the bounce. */
  async #bounce({ visitor, session }: Person, origin: string): Promise<void> {
    // Who is signed in there goes on at once; a password given lately enough asks for a bounce.
    const begun = await visitor.send(`${origin}/api/signin?return_to=/&max_age=600`)
    if (begun.status !== 303) return void this.#oracle.note('redeem', begun, false)
    const back = await visitor.send(begun.location)
    if (back.status !== 303) return void this.#oracle.note('redeem', back, false)
    if (ticketIn(back.location) !== null) await this.#show(visitor, back.location, back.endedAt)
    const cookie = visitor.cookieFor(origin)
    if (/(^|; )carnet=/.test(cookie)) session.cookies.set(origin, cookie)
  }

  /** Shows a ticket twice at the same time, and then again and again until it is dead. */
  async #show(visitor: Visitor, url: string, receivedAt: number): Promise<void> {
    const ticket = ticketIn(url) ?? ''
    const again = { cookie: visitor.cookieFor(url), userAgent: visitor.userAgent }
    const show = () => send(url, again)
    const shown = await Promise.all([visitor.send(url), show()])
    const opened = shown.map(answer => showTicket(this.#oracle, { ticket, receivedAt, answer }))
    const best = shown[opened.indexOf(true)] ?? shown[0]
    this.#oracle.note('redeem', best, opened.includes(true))
    // Whichever of the two it was, the browser has its cookies.
    if (!opened[0] && opened[1] && best !== undefined) visitor.keep(best)
    for (const afterMs of [700, 1_500, 2_400, TICKET_BOUND_MS + 50]) {
      this.#after(afterMs, async () => {
        this.#oracle.shownAgain += 1
        showTicket(this.#oracle, { ticket, receivedAt, answer: await show() })
      })
    }
  }

  #showLate(visitor: Visitor, url: string, receivedAt: number): void {
    this.#after(receivedAt + TICKET_BOUND_MS + 20 - performance.now(), async () => {
      this.#oracle.shownAgain += 1
      const answer = await visitor.send(url)
      showTicket(this.#oracle, { ticket: ticketIn(url) ?? '', receivedAt, answer })
    })
  }

  /** Swaps a claim for the session cookie. */
  async #arrive({ visitor, session }: Person, origin: string): Promise<void> {
    const answer = await visitor.send(`${origin}/api/session`, { own: true })
    this.#oracle.watch(answer)
    const email = emailIn(answer)
    if (email === null) return
    if (email !== session.email)
      this.#oracle.violated('wrong user', session.name, `${email} for ${session.email} at ${origin}`)
    session.cookies.set(origin, visitor.cookieFor(origin))
  }

  async #checkEverywhere(session: Known): Promise<Answer[]> {
    return Promise.all([...session.cookies.keys()].map(origin => this.#check(session, origin)))
  }

  async #check(session: Known, origin: string): Promise<Answer> {
    const path = origin === this.#world.auth ? '/' : '/api/session'
    const answer = await send(origin + path, {
      cookie: session.cookies.get(origin) ?? '',
      accept: JSON_TYPE,
      own: true,
    })
    this.#oracle.checked(session, origin, answer)
    return answer
  }

  async #checkAgain(session: Known, origin: string): Promise<void> {
    if (session.cookies.has(origin)) await this.#check(session, origin)
  }

  /** Signs out at some place, and insists until it is acknowledged. */
  async #signOut({ session }: Person): Promise<void> {
    const places = [...session.cookies.keys()]
    session.ending = true
    for (let attempt = 0; attempt < 40; attempt++) {
      const by = places[randomInt(places.length)] ?? ''
      const url = `${by}${by === this.#world.auth ? '/signout' : '/api/signout'}`
      const answer = await send(url, { cookie: session.cookies.get(by) ?? '', json: {}, own: true })
      const good = answer.status === 200 || answer.status === 303
      this.#oracle.note('sign-out', answer, good)
      if (good) {
        session.ended = { at: answer.endedAt, by, oneProcess: by !== this.#world.auth }
        this.#ended.push(session)
        await this.#checkEverywhere(session)
        this.#after(1_000, async () => void (await this.#checkEverywhere(session)))
        this.#after(2_050, async () => void (await this.#checkEverywhere(session)))
        return
      }
      await setTimeout(250)
    }
  }

  #after(ms: number, work: () => Promise<void>): void {
    const later = setTimeout(Math.max(1, ms))
      .then(work)
      .finally(() => this.#later.delete(later))
    this.#later.add(later)
  }
}

/** Does something for each, some at a time. */
async function eachOf<T>(
  items: readonly T[],
  atATime: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const lane = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: atATime }, lane))
}

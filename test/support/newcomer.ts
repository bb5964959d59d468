import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Browser } from '@carnet/demo/browser'
import { blocksOf } from './guide.ts'
import { until } from './until.ts'

/** How somebody follows a guide. */
export interface Following {
  /** Where to begin. */
  readonly folder: string
  /** The environment of each terminal. */
  readonly env: Readonly<Record<string, string>>
  /** What cannot be as the page says it, each of which must be there. */
  readonly replaced: readonly (readonly [part: string | RegExp, by: string | ((part: string) => string)])[]
  /** What is typed where something is asked for. */
  readonly typed?: string
  /** An address of each program that keeps running, in their order: it has begun once this answers. */
  readonly answers: readonly string[]
}

/** Programs that guides have started. */
export interface Started {
  stop(): Promise<void>
}

const KEEPS_RUNNING = '# keeps running'
// A block that begins so is a file. Other remarks begin a block for a case of its own, which is not run.
const FILE = /^(?:\/\/|#|<!--|<\?php \/\/) (\S*[./]\S*)(?: -->)?\n/

const groups = new Set<number>()
process.once('exit', () => {
  for (const group of groups) end(group, 'SIGKILL')
})

/**
 * Does what a guide says, block by block: writes its files, runs its commands in one terminal, and opens the next one where
 * a program keeps running.
 */
export async function follow(guide: string, following: Following): Promise<Started> {
  const { folder, answers } = following
  const programs: Terminal[] = []
  const state = join(folder, `.${guide}.sh`)
  const stop = async (): Promise<void> => {
    await Promise.all(programs.map(program => program.stop()))
  }
  let terminal = new Terminal(folder, following, state)
  try {
    for (const { language, text } of replacedBlocks(guide, following)) {
      const file = FILE.exec(text)?.[1]
      if (file !== undefined) writeFileSync(resolve(terminal.folder, file), text)
      if (file !== undefined || language !== 'sh' || text.startsWith('#')) continue
      if (!text.includes(KEEPS_RUNNING)) await terminal.run(text)
      else {
        programs.push(terminal)
        await terminal.keep(text, answers[programs.length - 1] ?? '')
        terminal = new Terminal(folder, following, state)
      }
    }
    if (programs.length !== answers.length)
      throw new Error(`${guide} has ${programs.length} programs that run.`)
    return { stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function replacedBlocks(guide: string, { replaced }: Following): { language: string; text: string }[] {
  const blocks = blocksOf(guide)
  for (const [part] of replaced) {
    if (!blocks.some(({ text }) => (typeof part === 'string' ? text.includes(part) : text.search(part) >= 0)))
      throw new Error(`"${part}" is not in ${guide}.`)
  }
  return blocks.map(({ language, text }) => ({
    language,
    text: replaced.reduce((done, [part, by]) => done.replaceAll(part as string, by as string), text),
  }))
}

/** A command that changes the manifest reads it before: two at once would lose one's site. */
let changing: Promise<void> = Promise.resolve()

class Terminal {
  folder: string
  readonly #following: Following
  /** A file that keeps what a block leaves to the next: its folder and its variables. */
  readonly #state: string
  #output = ''
  #program: { process: ChildProcess; exited: Promise<number | null> } | null = null

  constructor(folder: string, following: Following, state: string) {
    this.folder = folder
    this.#following = following
    this.#state = state
    writeFileSync(state, '')
  }

  /** Runs commands to their end. */
  async run(text: string): Promise<void> {
    if (!/carnet site add/.test(text)) return this.#toEnd(text)
    changing = changing.catch(() => {}).then(() => this.#toEnd(text))
    return changing
  }

  /** Runs commands of which the last one stays, and waits until it answers. */
  async keep(text: string, url: string): Promise<void> {
    const program = this.#start(text)
    this.#program = program
    let ended = false
    program.exited.then(() => {
      ended = true
    })
    try {
      await until(async () => ended || (await new Browser().request(url)).status > 0, 120_000)
      if (ended) throw new Error('It ended.')
    } catch (cause) {
      throw new Error(`${url} does not answer:\n${text}\n${this.#output}`, { cause })
    }
  }

  async stop(): Promise<void> {
    const { process: child, exited } = this.#program ?? {}
    if (child?.pid === undefined) return
    const group = child.pid
    end(group, 'SIGTERM')
    const late = setTimeout(() => end(group, 'SIGKILL'), 5_000)
    await exited
    clearTimeout(late)
  }

  async #toEnd(text: string): Promise<void> {
    // What fails before an && ends no shell.
    const code = await this.#start(`${text}\n[ $? = 0 ] || exit\n{ export -p; pwd; } > '${this.#state}'`)
      .exited
    if (code !== 0) throw new Error(`It ended with ${code}:\n${text}\n${this.#output}`)
    const kept = readFileSync(this.#state, 'utf8').trimEnd().split('\n')
    this.folder = kept.pop() ?? ''
    writeFileSync(this.#state, kept.join('\n'))
  }

  #start(text: string): { process: ChildProcess; exited: Promise<number | null> } {
    const { env, typed = '' } = this.#following
    const child = spawn('bash', ['-ec', `. '${this.#state}'\n${text}`], {
      cwd: this.folder,
      env,
      // A group of its own, since shells do not pass on a signal.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const group = child.pid ?? 0
    groups.add(group)
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', chunk => {
        this.#output += chunk
      })
    child.stdin.on('error', () => {})
    child.stdin.end(typed)
    const exited = new Promise<number | null>(resolve => child.once('close', resolve))
    exited.then(() => groups.delete(group))
    return { process: child, exited }
  }
}

function end(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // It has ended.
  }
}

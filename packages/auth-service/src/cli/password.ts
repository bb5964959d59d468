import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** The first line of standard input; on a terminal it is asked for twice and not shown. */
export async function readPassword(minLength: number): Promise<string> {
  const terminal = process.stdin.isTTY === true
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal })
  lines.on('SIGINT', () => process.exit(130))
  const next = lines[Symbol.asyncIterator]()
  const ask = async (question: string): Promise<string> => {
    if (terminal) process.stderr.write(question)
    const { value, done } = await next.next()
    if (terminal) process.stderr.write('\n')
    if (done === true) throw new Error('No password was given: type it, or send it on standard input.')
    return value as string
  }
  try {
    const password = await ask(`Password (${minLength} characters or more): `)
    if (terminal && (await ask('Once more: ')) !== password) throw new Error('The two passwords differ.')
    return password
  } finally {
    lines.close()
  }
}

import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { endWithUs } from '../support/children.ts'

/** A program of this folder in a process of its own, that is told when to begin and tells what it measured. */
export class Child {
  readonly #process: ChildProcess
  readonly #file: string

  constructor(file: string, args: readonly string[]) {
    this.#file = file
    const env = { ...process.env, NODE_ENV: 'test' }
    this.#process = fork(join(import.meta.dirname, file), args, { env })
    endWithUs(this.#process)
  }

  tell(message: string): void {
    this.#process.send(message)
  }

  /** What it tells next. Throws where it ends instead. */
  async told<T>(): Promise<T> {
    const next = Promise.withResolvers<T>()
    const ended = () => next.reject(new Error(`${this.#file} ended before it told anything.`))
    const heard = (message: unknown) => next.resolve(message as T)
    this.#process.once('exit', ended).once('message', heard)
    try {
      return await next.promise
    } finally {
      this.#process.off('exit', ended).off('message', heard)
    }
  }

  async end(): Promise<void> {
    const exited = new Promise(resolve => this.#process.once('exit', resolve))
    this.#process.kill('SIGKILL')
    await exited
  }
}

import { Command } from 'commander'
import type { Level } from '../doctor/finding.ts'
import { plural } from '../doctor/finding.ts'
import { jsonOf, printable } from './printed.ts'

const WORDS: Readonly<Record<Level, string>> = { ok: 'ok', warning: 'warn', fault: 'fail' }

/** `carnet doctor` */
export function doctor(): Command {
  return new Command('doctor')
    .description(
      'look at the whole deployment as it runs, and say what is wrong and what to do; exit 1 if something fails',
    )
    .option('--json', 'as JSON')
    .option('--no-round', 'sign nobody in and out')
    .addHelpText(
      'after',
      `
Run it with the environment of "carnet serve". It looks at the configuration, the manifest, the age of the secrets, Redis,
the database, the mail server, the clocks, certificates, what the running service says at /readyz, and the agent of every
site. Then it makes a temporary account, signs it in, takes it to every site and signs it out: --no-round leaves that out.
Each line is ok, warn or fail. What it makes it removes again, it sends no mail, and shows no secret and no password.
docs/guides/doctor.md has more.`,
    )
    .action(async ({ json, round }: { json?: boolean; round: boolean }) => {
      const stop = new AbortController()
      // The account goes first. Who asks twice does not wait for that.
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
      // The other commands start faster without it.
      const { diagnose } = await import('../doctor/diagnose.ts')
      const findings = await diagnose(process.env, { round, signal: stop.signal })
      const count = (level: Level) => findings.filter(finding => finding.level === level).length
      const [warnings, faults] = [count('warning'), count('fault')]
      if (json) console.log(jsonOf({ faults, warnings, findings }, 2))
      else {
        for (const { level, about, says } of findings)
          console.log(
            `${WORDS[level].padEnd(5)} ${about.padEnd(14)} ${says.split('\n').map(printable).join('\n')}`,
          )
        console.log(`\n${plural(faults, 'fault')}, ${plural(warnings, 'warning')}`)
      }
      if (faults > 0 || stop.signal.aborted) process.exitCode = 1
    })
}

import { Command } from 'commander'
import { diagnose } from '../doctor/diagnose.ts'
import type { Level } from '../doctor/finding.ts'
import { plural } from '../doctor/finding.ts'
import { redactor } from '../redact.ts'
import { jsonOf, printable } from './printed.ts'

/** `carnet doctor` */
export function doctor(): Command {
  return new Command('doctor')
    .description(
      'look at the whole installation, and say what is wrong and what to do; exit 1 if there is a fault',
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Run it with the environment of "carnet serve", on the same machine. It looks at the configuration, the manifest, the age
of the secrets, Redis, the database, mails that wait, the clocks, and what the running service says at /readyz. Each line
is ok, a warning, or a fault. It changes nothing, and shows no secret and no password.`,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const redact = redactor(process.env)
      const findings = (await diagnose(process.env)).map(finding => ({
        ...finding,
        says: redact(finding.says),
      }))
      const count = (level: Level) => findings.filter(finding => finding.level === level).length
      const [warnings, faults] = [count('warning'), count('fault')]
      if (json) console.log(jsonOf({ faults, warnings, findings }, 2))
      else {
        for (const { level, about, says } of findings)
          console.log(`${level.padEnd(8)} ${about.padEnd(14)} ${says.split('\n').map(printable).join('\n')}`)
        console.log(`\n${plural(faults, 'fault')}, ${plural(warnings, 'warning')}`)
      }
      if (faults > 0) process.exitCode = 1
    })
}

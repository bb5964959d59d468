import { Command } from 'commander'
import { migrate, openDatabase } from '../accounts/database.ts'
import { loadConfig } from '../config.ts'

/** `carnet migrate` */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description("bring the database's tables up to date, as carnet serve does at its start")
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const database = openDatabase(loadConfig(process.env, { serving: false }).databaseUrl, {
        patient: true,
      })
      try {
        const done = await migrate(database)
        if (json) console.log(JSON.stringify(done))
        else console.log(done.length === 0 ? 'The tables are up to date.' : `Done: ${done.join(', ')}`)
      } finally {
        await database.destroy()
      }
    })
}

import { writeFileSync } from 'node:fs'
import { manifestJsonSchema } from '../src/index.ts'

const target = new URL('../../../deploy/sites.schema.json', import.meta.url)
writeFileSync(target, `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`)

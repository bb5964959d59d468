#!/usr/bin/env node
import { runAgents } from './main.ts'

try {
  await runAgents(process.env)
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  console.error(code === 'EADDRINUSE' ? `${message}. Choose another CARNET_PORT.` : message)
  process.exitCode = 1
}

#!/usr/bin/env node
import { ENVIRONMENT, runAgents } from './main.ts'

try {
  if (process.argv.length > 2) {
    console.log(
      `carnet-agent takes no arguments: it runs the agents until SIGTERM or Ctrl-C.\n\n${ENVIRONMENT}`,
    )
  } else await runAgents(process.env)
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  console.error(code === 'EADDRINUSE' ? `${message}. Choose another CARNET_PORT.` : message)
  process.exitCode = 1
}

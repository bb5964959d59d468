import type { Oracle } from './oracle.ts'
import type { Answer } from './visitor.ts'

/** The ticket in an address, or null. */
export function ticketIn(url: string): string | null {
  return URL.canParse(url) ? new URL(url).searchParams.get('ticket') : null
}

/** Tells the oracle what came of showing a ticket; whether it opened anything. */
export function showTicket(
  oracle: Oracle,
  { ticket, receivedAt, answer }: { ticket: string; receivedAt: number; answer: Answer },
): boolean {
  oracle.watch(answer)
  const opened = answer.status < 400 && answer.cookies.some(isPass)
  oracle.shown(ticket, answer, opened, receivedAt)
  return opened
}

/** A session cookie or a claim with something in it. */
function isPass(line: string): boolean {
  return /^(__Host-)?carnet(-claim)?=[^;]/.test(line)
}

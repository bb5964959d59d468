import { answers, CarnetError, dataOf, isSpeculative } from '@carnet/protocol'
import { type AgentRequest, type Answer, isNavigation, queryOf, redirect } from '../exchange.ts'
import { sidToHandOver } from '../handover-cookie.ts'
import { clientAt, type Place } from '../place.ts'
import { checkSession } from '../session-check.ts'

/** `GET /api/handover?state=`: gives the session that this browser began at the form to the auth service, which bound the way to the browser by `state`. */
export async function handover(place: Place, request: AgentRequest): Promise<Answer> {
  if (!place.site.signInForm) throw new CarnetError('forbidden', 'This site takes no passwords.')
  if (isSpeculative(request.headers) || !isNavigation(request)) {
    throw new CarnetError('forbidden', 'Nothing is spent on speculation.')
  }
  const state = queryOf(request.target).get('state') ?? ''
  const open = await checkSession(place, request)
  const isFromForm = open !== null && open.sid === sidToHandOver(place, request)
  const query = isFromForm
    ? { ticket: await ticketFor(place, request, open.sid, state) }
    : { error: 'signed_out' }
  return redirect(303, `${place.current.auth}/takeover?${new URLSearchParams({ ...query, state })}`)
}

async function ticketFor(place: Place, request: AgentRequest, sid: string, state: string): Promise<string> {
  const client = clientAt(place, request)
  const answer = await place.authService().ask('POST', '/v1/tickets', { sid, state, client })
  if (answer.error === 'invalid_input')
    throw new CarnetError('invalid_input', '"state" is none of the auth service.')
  if (answer.error === 'session_gone') throw new CarnetError('session_gone', 'This session has ended.')
  return dataOf(answer, answers.ticket).ticket
}

import { gate } from '../../gate.ts'

export async function GET(request: Request): Promise<Response> {
  const visit = await gate(request)
  if (visit.response !== null) return visit.response
  return visit.pass(visit.required() ?? new Response(`Members: ${visit.session?.user.name}`))
}

import type { IncomingMessage } from 'node:http'
import { CarnetError } from '@carnet/protocol'

/** The fields of a body, as they came. */
export type Fields = Readonly<Record<string, unknown>>

const LONGEST = 16_384

/** Reads the fields of a form or of JSON. Throws `invalid_input`. */
export function parseFields(type: string, body: string): Fields {
  if (/^application\/json\b/i.test(type)) return parseJson(body)
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) throw invalid('Send a form, or JSON.')
  const fields = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(body)) {
    if (fields.has(name)) throw invalid('A field is given more than once.')
    fields.set(name, value)
  }
  return Object.fromEntries(fields)
}

/**
 * The fields of a request of a `node:http` server: `parsed`, where a body parser came first, else read now, 16 kB at
 * most. Throws `invalid_input`.
 */
export async function fieldsOf(req: IncomingMessage, parsed: unknown): Promise<Fields> {
  // Parsers leave an empty object for a type that is not theirs, and the body unread.
  if (parsed !== undefined && (req.readableDidRead || !isEmpty(parsed))) return checkFields(parsed)
  if (req.readableEnded) throw invalid('The body was read before the agent could: mount the agent first.')
  if (req.headers['content-encoding'] !== undefined) throw invalid('Send the body without an encoding.')
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > LONGEST) throw tooLong()
    chunks.push(chunk)
  }
  return parseFields(req.headers['content-type'] ?? '', Buffer.concat(chunks).toString())
}

/** The fields of a web-standard request, 16 kB at most. Throws `invalid_input`. */
export async function fieldsOfWeb(request: Request): Promise<Fields> {
  if (request.bodyUsed) throw invalid('The body was read before the agent could: mount the agent first.')
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > LONGEST) throw tooLong()
    chunks.push(chunk)
  }
  return parseFields(request.headers.get('content-type') ?? '', Buffer.concat(chunks).toString())
}

function parseJson(body: string): Fields {
  try {
    return checkFields(JSON.parse(body))
  } catch {
    throw invalid('The body is no JSON object.')
  }
}

function checkFields(body: unknown): Fields {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Fields
  throw invalid('The body holds no fields.')
}

function isEmpty(parsed: unknown): boolean {
  return typeof parsed === 'object' && parsed !== null && Object.keys(parsed).length === 0
}

function tooLong(): CarnetError {
  return invalid('The body is larger than 16 kB.')
}

function invalid(message: string): CarnetError {
  return new CarnetError('invalid_input', message)
}

import { readFileSync } from 'node:fs'
import { answers, CLOCKS_WITHIN_MS, type ErrorCode, requests, STATUS_BY_CODE } from '@carnet/protocol'
import { z } from 'zod'
import type { Desk, Step } from '../web/context.ts'

const packageJson = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
const { version } = JSON.parse(packageJson) as { version: string }

/** What agents may ask, as the OpenAPI document tells it. */
interface Operation {
  readonly summary: string
  readonly body?: z.ZodType
  /** The `data` of the envelope; absent where the answer is a stream. */
  readonly data?: z.ZodType
  readonly refusals?: readonly ErrorCode[]
  readonly parameters?: readonly object[]
}

const SID = {
  name: 'sid',
  in: 'path',
  required: true,
  description: 'The part of the session cookie before the dot.',
  schema: { type: 'string', pattern: '^[\\w-]{32}$' },
}

const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/v1/time': { get: { summary: 'The store’s clock; all moments are on it.', data: answers.time } },
  '/v1/tickets/redeem': {
    post: {
      summary:
        'Burns a ticket, whosever it is. One of the site’s own gives its record and its session, null where that has ended. Client and nonce are for the agent to judge, after the burn. Never sent twice.',
      body: requests.redeem,
      data: answers.burnt,
      refusals: ['ticket_unknown', 'ticket_wrong_site', 'invalid_input'],
    },
  },
  '/v1/sessions/touch': {
    post: {
      summary:
        'Moves the idle ends of sessions, never nearer and never further than the manifest’s idle time. Tells of each whether it lives.',
      body: requests.touch,
      data: answers.live,
      refusals: ['invalid_input'],
    },
  },
  '/v1/sessions/{sid}': {
    get: {
      summary: 'A session that was taken to the site.',
      data: answers.session,
      refusals: ['not_found'],
      parameters: [SID],
    },
    delete: {
      summary: 'Ends a session at every site. `ended` is false where it had ended already.',
      data: answers.ended,
      refusals: ['not_found'],
      parameters: [SID],
    },
  },
  '/v1/revocations': {
    get: {
      summary:
        'What is to be forgotten, as server-sent events: `ended` and `changed` with the handle of a session (the first 128 bits of the SHA-256 of its sid, in hex), `missed` where events were lost and all is to be forgotten, and `beat` with `now` and `left`: for how many ms more sessions may be told from memory, for each first digit of their handles. After 2 s without a beat nothing may.',
      parameters: [
        {
          name: 'Last-Event-ID',
          in: 'header',
          description: 'The last event that was heard: the stream goes on behind it.',
          schema: { type: 'string' },
        },
      ],
      refusals: ['rate_limited'],
    },
  },
  '/v1/reports': {
    post: {
      summary: 'What happened at the site, for the audit log.',
      body: requests.reports,
      data: answers.none,
      refusals: ['invalid_input'],
    },
  },
  '/v1/signin': {
    post: {
      summary: 'A sign-in at the site’s own form; for sites with `signInForm`.',
      body: requests.signIn,
      data: answers.signedIn,
      refusals: ['invalid_input', 'invalid_credentials', 'rate_limited', 'forbidden'],
    },
  },
  '/v1/tickets': {
    post: {
      summary:
        'A ticket by which the auth service takes over a session of the site’s own form; for sites with `signInForm`.',
      body: requests.ticket,
      data: answers.ticket,
      refusals: ['invalid_input', 'session_gone', 'forbidden'],
    },
  },
}

// Any of them may be met at any address.
const EVERYWHERE: readonly ErrorCode[] = ['bad_signature', 'unknown_site', 'store_unavailable']

const SIGNATURE = `\`Carnet site=<id>, at=<ms since the epoch>, nonce=<22 characters of base64url>, signature=<43 of them>\`. The
signature is HMAC-SHA-256, in base64url without padding, over these lines, joined by a line feed: \`carnet-request\`, the site, the
method, path and query as in the request line, \`at\`, the nonce, and the SHA-256 of the body in base64url (of nothing where there
is none). The key is the base64url text of HKDF-SHA-256 (RFC 5869) of the site’s newest secret, with the salt \`carnet\`, the info
\`requests:<site>\` and 32 bytes. \`at\` may differ from the service’s clock by ${CLOCKS_WITHIN_MS / 1000} s, and a nonce counts once:
who is refused with \`bad_signature\` may correct its clock by the \`Date\` of the answer, and sign anew.`

/** `GET /openapi.json`: the addresses for agents that reach no Redis, as an OpenAPI 3.1 document. */
export function openapi(desk: Desk): Step {
  const paths = Object.fromEntries(
    Object.entries(OPERATIONS).map(([path, operations]) => [
      path,
      Object.fromEntries(
        Object.entries(operations).map(([method, operation]) => [method, describe(path, method, operation)]),
      ),
    ]),
  )
  return async function openapi(ctx) {
    ctx.body = {
      openapi: '3.1.0',
      info: {
        title: 'Carnet: the store’s verbs over HTTP',
        version,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: desk.manifest.current.auth }],
      security: [{ signature: [] }],
      components: {
        securitySchemes: {
          signature: { type: 'apiKey', in: 'header', name: 'Authorization', description: SIGNATURE },
        },
      },
      paths,
    }
  }
}

function describe(
  path: string,
  method: string,
  { summary, body, data, refusals = [], parameters }: Operation,
): object {
  const byStatus = Map.groupBy([...EVERYWHERE, ...refusals], code => STATUS_BY_CODE[code])
  const good =
    data === undefined
      ? { 'text/event-stream': { schema: { type: 'string' } } }
      : json(envelope({ code: { const: 0 }, data: schemaOf(data, 'output') }, ['data']))
  return {
    operationId: `${method}${path.replaceAll(/[^a-z]+(\w)/gi, (_, letter: string) => letter.toUpperCase()).replace('}', '')}`,
    summary,
    ...(parameters !== undefined && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: json(schemaOf(body, 'input')) } }),
    responses: {
      200: { description: 'Done.', content: good },
      ...Object.fromEntries(
        [...byStatus].map(([status, codes]) => [
          status,
          {
            description: codes.map(code => `\`${code}\``).join(', '),
            content: json(envelope({ code: { const: status }, error: { enum: codes } }, ['error'])),
          },
        ]),
      ),
    },
  }
}

function envelope(properties: object, required: readonly string[]): object {
  return {
    type: 'object',
    properties: { message: { type: 'string' }, ...properties },
    required: ['code', 'message', ...required],
  }
}

function json(schema: object): object {
  return { 'application/json': { schema } }
}

function schemaOf(shape: z.ZodType, io: 'input' | 'output'): object {
  const { $schema, ...schema } = z.toJSONSchema(shape, { io, unrepresentable: 'any' })
  return schema
}

import { caddy } from './caddy.ts'
import { marked, unmarked } from './mark.ts'
import { AGENT_PORT, AUTH_PORT, type DeployFile, type Plan, type PlannedSite } from './plan.ts'

const PROXY = '172.30.64.2'

/** Everything on one machine: the service, an agent a domain, Redis, PostgreSQL, and Caddy in front. */
export function compose(plan: Plan): DeployFile[] {
  const inCompose = {
    auth: `auth:${AUTH_PORT}`,
    agentOf: ({ id }: PlannedSite) => `agent-${id}:${AGENT_PORT}`,
    appOf: ({ id }: PlannedSite) => `app-${id}:3000`,
  }
  return [
    marked('compose.yaml', composeFile(plan)),
    // A folder, since what is mounted as one file stays the old one when the file is replaced.
    marked('config/sites.yaml', unmarked(plan.manifestText)),
    ...caddy(plan, inCompose).map(({ path, text }) => marked(`caddy/${path}`, unmarked(text))),
  ]
}

function composeFile(plan: Plan): string {
  const { sites, version, authPath, logos } = plan
  return `#
# docker compose up -d, once these are there. None of them belongs in a repository; all but users.acl are mode 0600.
#   secrets/auth.env          CARNET_SECRETS=       openssl rand -base64 32
#                             CARNET_REDIS_URL=     redis://carnet-auth:PASSWORD@redis:6379
#                             CARNET_DATABASE_URL=  postgres://carnet:PASSWORD@postgres/carnet
#                             CARNET_SMTP_URL= and CARNET_MAIL_FROM=, for mails
#   secrets/postgres.env      POSTGRES_PASSWORD=, the one in CARNET_DATABASE_URL
#   secrets/users.acl         carnet redis-acl; it holds hashes only, and Redis' own user has to read it: mode 0644
${sites.map(secretsHint).join('\n')}
# The passwords for Redis: carnet redis-acl --password auth, or the id of a site.
# The images: docker build -f deploy/docker/auth-service.Dockerfile -t carnet-auth-service:${version} . (and agent), or
# CARNET_AUTH_IMAGE and CARNET_AGENT_IMAGE in .env.
# CHOOSE marks what you have to see to. Your changes go into compose.override.yaml.${logos.map(logo => `\n# The logo: config/${logo}`).join('')}

x-hardened: &hardened
  restart: unless-stopped
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  stop_grace_period: 15s
  logging: { driver: json-file, options: { max-size: 10m, max-file: "3" } }

x-agent: &agent
  <<: *hardened
  image: \${CARNET_AGENT_IMAGE:-carnet-agent:${version}}
  user: "1000:1000"
  tmpfs: [/tmp]
  networks: [edge, store]
  volumes: ["./config:/etc/carnet:ro"]
  depends_on: { redis: { condition: service_healthy } }
  healthcheck:
    test: ${probe(AGENT_PORT, '/healthz')}
    interval: 10s
    timeout: 3s
    retries: 3
    start_period: 20s
  deploy:
    replicas: 2
    resources: { limits: { cpus: "1", memory: 256M, pids: 256 }, reservations: { memory: 96M } }

services:
  proxy:
    <<: *hardened
    image: caddy:2
    # Root without its rights but one, to own its volume and to listen below 1024.
    cap_add: [NET_BIND_SERVICE]
    ports: ["80:80", "443:443", "443:443/udp"]
    networks: { edge: { ipv4_address: ${PROXY} } }
    volumes: ["./caddy:/etc/caddy:ro", "certificates:/data", "proxy-config:/config"]
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:2019/config/"]
      interval: 10s
      timeout: 3s
      retries: 3
    deploy:
      resources: { limits: { cpus: "1", memory: 256M, pids: 256 } }

  auth:
    <<: *hardened
    image: \${CARNET_AUTH_IMAGE:-carnet-auth-service:${version}}
    user: "1000:1000"
    tmpfs: [/tmp]
    networks: [edge, store, database]
    volumes: ["./config:/etc/carnet:ro"]
    env_file: [secrets/auth.env]
    environment:
      CARNET_MANIFEST: /etc/carnet/sites.yaml
      CARNET_HOST: 0.0.0.0
      CARNET_PORT: "${AUTH_PORT}"
      CARNET_TRUST_PROXY: ${PROXY}
    depends_on:
      redis: { condition: service_healthy }
      postgres: { condition: service_healthy }
    # Whether it can serve as well: /readyz
    healthcheck:
      test: ${probe(AUTH_PORT, `${authPath}/healthz`)}
      interval: 10s
      timeout: 3s
      retries: 3
      start_period: 30s
    deploy:
      replicas: 2
      resources: { limits: { cpus: "2", memory: 512M, pids: 256 }, reservations: { memory: 192M } }
${sites.map(agentService).join('')}
  # An app without the agent: CHOOSE its image in compose.override.yaml, as app-${sites[0]?.id ?? 'shop'} on port 3000 in the network edge.
  # An app with the agent inside needs no agent-…; it joins the network store, and has the agent's env_file.

  redis:
    <<: *hardened
    image: redis:7
    user: "999:999"
    networks: [store]
    volumes: ["redis:/data", "./secrets/users.acl:/etc/redis/users.acl:ro"]
    command:
      - redis-server
      - --aclfile
      - /etc/redis/users.acl
      - --appendonly
      - "yes"
      - --maxmemory
      - 256mb
      - --maxmemory-policy
      - noeviction
    # Who has no user gets no answer but this one, and it is one.
    healthcheck:
      test: ["CMD-SHELL", "redis-cli ping 2>&1 | grep -qE 'PONG|NOAUTH'"]
      interval: 5s
      timeout: 3s
      retries: 5
    deploy:
      resources: { limits: { cpus: "1", memory: 512M, pids: 256 } }

  # For reference. With a database of your own: leave it out, and name it in CARNET_DATABASE_URL.
  postgres:
    <<: *hardened
    image: postgres:17
    user: "999:999"
    tmpfs: [/tmp, "/var/run/postgresql:uid=999,gid=999"]
    networks: [database]
    volumes: ["postgres:/var/lib/postgresql/data"]
    env_file: [secrets/postgres.env]
    environment: { POSTGRES_USER: carnet, POSTGRES_DB: carnet }
    healthcheck:
      test: ["CMD", "pg_isready", "-U", "carnet", "-d", "carnet"]
      interval: 5s
      timeout: 3s
      retries: 5
      start_period: 30s
    deploy:
      resources: { limits: { cpus: "1", memory: 512M, pids: 256 } }

networks:
  edge:
    # The proxy has an address of its own, so that nobody else is believed (CARNET_TRUST_PROXY).
    ipam: { config: [{ subnet: 172.30.64.0/24, ip_range: 172.30.64.128/25 }] }
  store: { internal: true }
  database: { internal: true }

volumes:
  certificates:
  proxy-config:
  redis:
  postgres:
`
}

function secretsHint({ id }: PlannedSite): string {
  return `#   ${`secrets/agent-${id}.env`.padEnd(25)} CARNET_SITE_SECRETS=  carnet site secret ${id}
#                             CARNET_REDIS_URL=     redis://carnet-${id}:PASSWORD@redis:6379`
}

function agentService({ id }: PlannedSite): string {
  return `
  agent-${id}:
    <<: *agent
    env_file: [secrets/agent-${id}.env]
    environment:
      CARNET_MANIFEST: /etc/carnet/sites.yaml
      CARNET_SITE: "${id}"
      CARNET_HOST: 0.0.0.0
      CARNET_PORT: "${AGENT_PORT}"
      CARNET_TRUST_PROXY: ${PROXY}
`
}

function probe(port: number, path: string): string {
  const script = `fetch('http://127.0.0.1:${port}${path}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))`
  return JSON.stringify(['CMD', 'node', '-e', script])
}

import { marked } from './mark.ts'
import { AUTH_PORT, type DeployFile, type Plan } from './plan.ts'

/** Units for one machine: the service, a template of agents with an instance a domain, and all of them together. */
export function systemd(plan: Plan): DeployFile[] {
  return [
    marked('carnet.service', serviceUnit()),
    marked('carnet-agent@.service', agentUnit()),
    marked('carnet.target', targetUnit(plan)),
    ...plan.sites.map(({ id, agentPort }) =>
      marked(`carnet-agent@${id}.service.d/port.conf`, `[Service]\nEnvironment=CARNET_PORT=${agentPort}\n`),
    ),
  ]
}

function serviceUnit(): string {
  return `#
# CHOOSE: /opt/carnet is a clone with its packages (pnpm install --prod), /usr/bin/node is Node 24 or later, and
# /etc/carnet/sites.yaml the manifest. /etc/carnet/carnet.env, mode 0600, root's, holds CARNET_SECRETS, CARNET_REDIS_URL,
# CARNET_DATABASE_URL, and for mails CARNET_SMTP_URL and CARNET_MAIL_FROM. Changes: systemctl edit carnet.
[Unit]
Description=Carnet, the auth service
Wants=network-online.target
After=network-online.target redis-server.service postgresql.service
PartOf=carnet.target

[Service]
Type=exec
WorkingDirectory=/opt/carnet
ExecStart=/usr/bin/node packages/auth-service/src/cli/main.ts serve
Environment=NODE_ENV=production CARNET_MANIFEST=/etc/carnet/sites.yaml
Environment=CARNET_HOST=127.0.0.1 CARNET_PORT=${AUTH_PORT} CARNET_TRUST_PROXY=127.0.0.1
Environment=CARNET_DATA_DIR=/var/lib/carnet
EnvironmentFile=/etc/carnet/carnet.env
StateDirectory=carnet
StateDirectoryMode=0700
MemoryMax=512M
${HARDENED}
[Install]
WantedBy=carnet.target multi-user.target
`
}

function agentUnit(): string {
  return `#
# One agent a domain: carnet-agent@shop is that of the site shop. /etc/carnet/agent-shop.env, mode 0600, root's, holds
# CARNET_SITE_SECRETS (carnet site secret shop) and CARNET_REDIS_URL; its port is in carnet-agent@shop.service.d.
# An app with the agent inside needs none.
[Unit]
Description=Carnet, the agent of %i
Wants=network-online.target
After=network-online.target redis-server.service
PartOf=carnet.target

[Service]
Type=exec
WorkingDirectory=/opt/carnet
ExecStart=/usr/bin/node packages/site-agent/src/cli.ts
Environment=NODE_ENV=production CARNET_MANIFEST=/etc/carnet/sites.yaml
Environment=CARNET_SITE=%i CARNET_HOST=127.0.0.1 CARNET_TRUST_PROXY=127.0.0.1
EnvironmentFile=/etc/carnet/agent-%i.env
MemoryMax=256M
${HARDENED}
[Install]
WantedBy=carnet.target
`
}

function targetUnit({ sites }: Plan): string {
  return `#
# systemctl enable --now carnet.target
[Unit]
Description=Carnet: the auth service and its agents
Wants=carnet.service ${sites.map(({ id }) => `carnet-agent@${id}.service`).join(' ')}

[Install]
WantedBy=multi-user.target
`
}

// No MemoryDenyWriteExecute: V8 compiles while it runs.
const HARDENED = `Restart=always
RestartSec=1
TimeoutStopSec=15
LimitNOFILE=65536
TasksMax=256
DynamicUser=yes
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
`

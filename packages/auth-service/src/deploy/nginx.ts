import { marked } from './mark.ts'
import {
  AGENT_ROUTES,
  type DeployFile,
  IDENTITY_HEADERS,
  ONE_MACHINE,
  type Plan,
  type PlannedSite,
} from './plan.ts'

/** One file, for nginx' `http` block. */
export function nginx(plan: Plan): DeployFile[] {
  const text = `#
# Include it inside \`http { … }\`: include /etc/nginx/carnet.conf;
# CHOOSE marks what you have to see to: certificates, and where the apps are.
# An agent listens beside each app, and trusts this proxy: CARNET_TRUST_PROXY=127.0.0.1
# An app with the agent inside needs neither the agent nor auth_request: proxy all of its domain to it, as for
# ${plan.authHost}.

map $http_upgrade $carnet_connection {
  default upgrade;
  '' '';
}

upstream carnet_auth {
  server ${ONE_MACHINE.auth}; # one line for each replica
  keepalive 32;
}
${plan.sites.map(upstreams).join('')}
server {
  listen 80;
  listen [::]:80;
  server_name ${[plan.authHost, ...plan.sites.flatMap(({ hosts }) => hosts)].join(' ')};
  return 308 https://$host$request_uri;
}

server {
  server_name ${plan.authHost};
${tls(plan.authHost)}
  client_max_body_size 32k;

  location ${plan.authPath === '' ? '/' : `${plan.authPath}/`} {
    proxy_pass http://carnet_auth;
    # No rule for images may keep an answer.
    proxy_cache off;
${forwarding('    ')}
    proxy_set_header Connection '';
  }
}
${plan.sites.map(serverOf).join('')}`
  return [marked('carnet.conf', text)]
}

function upstreams(site: PlannedSite): string {
  return `
upstream carnet_agent_${site.id} {
  server ${ONE_MACHINE.agentOf(site)}; # one line for each replica
  keepalive 32;
}

upstream carnet_app_${site.id} {
  server ${ONE_MACHINE.appOf(site)}; # CHOOSE: the app of ${site.id}
  keepalive 32;
}
`
}

function tls(host: string): string {
  return `  listen 443 ssl;
  listen [::]:443 ssl;
  # http2 on; # nginx 1.25.1 and later
  ssl_certificate /etc/ssl/carnet/${host}.pem; # CHOOSE
  ssl_certificate_key /etc/ssl/carnet/${host}.key; # CHOOSE
  ssl_protocols TLSv1.2 TLSv1.3;
  proxy_http_version 1.1;`
}

// What a client says of itself is replaced, not added to: nginx is the first proxy here.
function forwarding(indent: string): string {
  return ['Host $host', 'X-Forwarded-For $remote_addr', 'X-Forwarded-Proto $scheme', 'X-Forwarded-Host $host']
    .map(header => `${indent}proxy_set_header ${header};`)
    .join('\n')
}

function serverOf({ id, hosts }: PlannedSite): string {
  const told = IDENTITY_HEADERS.map(header => ({ header, name: header.toLowerCase().replaceAll('-', '_') }))
  const question = `    proxy_pass_request_body off;
${forwarding('    ')}
    proxy_set_header X-Forwarded-Method $request_method;
    proxy_set_header X-Forwarded-Uri $request_uri;
    proxy_set_header Content-Length '';
    proxy_set_header Connection '';`
  return `
server {
  server_name ${hosts.join(' ')};
${tls(hosts[0])}

  # Where a location sets no header of its own, nobody passes for somebody.
${forwarding('  ')}
  proxy_set_header Connection '';
${told.map(({ header }) => `  proxy_set_header ${header} '';`).join('\n')}

  # The agent's own addresses. All else below /api/ is the app's. Above any rule for images: the pixel is kept by nobody.
  location ~ ^/api/(${AGENT_ROUTES.map(route => route.replace('.', '\\.')).join('|')})$ {
    proxy_pass http://carnet_agent_${id};
    proxy_cache off;
    expires off;
  }

  # The question: signed in? One such location a rule: /nginx/role=admin, /nginx/verified, /nginx/max_age=10m, or
  # /nginx/optional, which lets everybody pass.
  location = /_carnet/verify {
    internal;
    proxy_pass http://carnet_agent_${id}/api/verify/nginx;
${question}
  }

  # Who may not pass is answered by the agent, where it says.
  location @carnet {
    proxy_pass http://carnet_agent_${id}$carnet_enter;
${question}
  }

  # Signed-in only. A page that is open to all: a location with proxy_pass, and nothing else.
  location / {
    auth_request /_carnet/verify;
    auth_request_set $carnet_enter $upstream_http_carnet_enter;
    error_page 401 = @carnet;
    # At most one cookie: nginx can hand on no more.
    auth_request_set $carnet_cookie $upstream_http_set_cookie;
    add_header Set-Cookie $carnet_cookie always;
${told.map(({ name }) => `    auth_request_set $${name} $upstream_http_${name};`).join('\n')}
    proxy_pass http://carnet_app_${id};
${forwarding('    ')}
${told.map(({ header, name }) => `    proxy_set_header ${header} $${name};`).join('\n')}
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $carnet_connection;
  }
}
`
}

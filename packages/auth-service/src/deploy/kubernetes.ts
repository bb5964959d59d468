import { networkPolicies } from './kubernetes-network.ts'
import { CONTAINER_SECURITY, fromSecret, podSecurity, workload } from './kubernetes-workload.ts'
import { marked, unmarked } from './mark.ts'
import { AGENT_PORT, AGENT_ROUTES, AUTH_PORT, type DeployFile, type Plan, type PlannedSite } from './plan.ts'

/** A base for kustomize: `kubectl apply -k DIR`. */
export function kubernetes(plan: Plan): DeployFile[] {
  return [
    marked('kustomization.yaml', kustomization(plan)),
    marked('namespace.yaml', NAMESPACE),
    marked('sites.yaml', unmarked(plan.manifestText)),
    marked('auth-service.yaml', authService(plan)),
    marked('agents.yaml', plan.sites.map(agent).join('---\n')),
    marked('redis.yaml', REDIS),
    marked('network-policies.yaml', networkPolicies(plan)),
    marked('ingress.yaml', ingress(plan)),
  ]
}

function kustomization({ sites, version, logos }: Plan): string {
  return `#
# kubectl apply -k . once these Secrets are in the namespace carnet. CHOOSE marks what you have to see to; your changes go
# into an overlay of your own, with this folder as its base.
#   kubectl -n carnet create secret generic carnet-auth --from-env-file=auth.env       CARNET_SECRETS, CARNET_REDIS_URL,
#                                                      CARNET_DATABASE_URL; for mails CARNET_SMTP_URL, CARNET_MAIL_FROM
${sites.map(({ id }) => `#   kubectl -n carnet create secret generic carnet-site-${id} --from-env-file=${id}.env    CARNET_SITE_SECRETS, CARNET_REDIS_URL`).join('\n')}
#   carnet redis-acl | kubectl -n carnet create secret generic carnet-redis-acl --from-file=users.acl=/dev/stdin
# The URLs are redis://carnet-auth:PASSWORD@carnet-redis:6379 and carnet-<site>; carnet redis-acl --password prints them.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: carnet
resources:
  - namespace.yaml
  - auth-service.yaml
  - agents.yaml
  - redis.yaml
  - network-policies.yaml
  - ingress.yaml
configMapGenerator:
  - name: carnet-manifest
    files:
      - sites.yaml${logos.map(logo => `\n      # - ${logo} # CHOOSE: put the logo here`).join('')}
  - name: carnet-settings
    literals:
      - CARNET_TRUST_PROXY=10.0.0.0/8 # CHOOSE: the addresses of your ingress controller's pods
generatorOptions:
  # Pods follow the manifest as it changes: another name would start them all anew.
  disableNameSuffixHash: true
images:
  # CHOOSE: where your images are, built from deploy/docker
  - { name: carnet-auth-service, newName: registry.example.com/carnet-auth-service, newTag: "${version}" }
  - { name: carnet-agent, newName: registry.example.com/carnet-agent, newTag: "${version}" }
`
}

const NAMESPACE = `apiVersion: v1
kind: Namespace
metadata:
  name: carnet
  labels:
    pod-security.kubernetes.io/enforce: restricted
`

function authService({ authPath }: Plan): string {
  return workload({
    name: 'carnet-auth',
    kind: 'auth-service',
    image: 'carnet-auth-service',
    port: AUTH_PORT,
    path: authPath,
    env: [
      ...['CARNET_SECRETS', 'CARNET_REDIS_URL', 'CARNET_DATABASE_URL'].map(name =>
        fromSecret(name, 'carnet-auth'),
      ),
      ...['CARNET_SMTP_URL', 'CARNET_MAIL_FROM'].map(name => fromSecret(name, 'carnet-auth', true)),
    ],
    cpu: { request: '250m', limit: '"2"' },
    memory: { request: '192Mi', limit: '512Mi' },
    most: 6,
  })
}

function agent({ id }: PlannedSite): string {
  return workload({
    name: `carnet-agent-${id}`,
    kind: 'agent',
    image: 'carnet-agent',
    port: AGENT_PORT,
    path: '',
    env: [
      `- { name: CARNET_SITE, value: "${id}" }`,
      ...['CARNET_SITE_SECRETS', 'CARNET_REDIS_URL'].map(name => fromSecret(name, `carnet-site-${id}`)),
    ],
    cpu: { request: '50m', limit: '"1"' },
    memory: { request: '96Mi', limit: '256Mi' },
    most: 4,
  })
}

const REDIS = `#
# One Redis with its data on a volume. With sentinels, a cluster or one that somebody runs for you: leave this file out.
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: carnet-redis
  labels: { app.kubernetes.io/part-of: carnet, app.kubernetes.io/name: redis }
spec:
  serviceName: carnet-redis
  replicas: 1
  selector: { matchLabels: { app.kubernetes.io/name: redis } }
  template:
    metadata:
      labels: { app.kubernetes.io/part-of: carnet, app.kubernetes.io/name: redis }
    spec:
${podSecurity(999, '      ')}
      containers:
        - name: redis
          image: redis:7
          ${CONTAINER_SECURITY}
          args:
            [--aclfile, /etc/redis/users.acl, --appendonly, "yes", --maxmemory, 256mb, --maxmemory-policy, noeviction]
          ports: [{ name: redis, containerPort: 6379 }]
          # Who has no user gets no answer but this one, and it is one.
          livenessProbe: &answers
            exec: { command: [sh, -c, "redis-cli ping 2>&1 | grep -qE 'PONG|NOAUTH'"] }
            periodSeconds: 10
            timeoutSeconds: 3
          readinessProbe: *answers
          resources:
            requests: { cpu: 100m, memory: 128Mi }
            limits: { cpu: "1", memory: 512Mi }
          volumeMounts:
            - { name: data, mountPath: /data }
            - { name: acl, mountPath: /etc/redis, readOnly: true }
      volumes:
        - { name: acl, secret: { secretName: carnet-redis-acl } }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 2Gi } } }
---
apiVersion: v1
kind: Service
metadata:
  name: carnet-redis
  labels: { app.kubernetes.io/part-of: carnet, app.kubernetes.io/name: redis }
spec:
  clusterIP: None
  selector: { app.kubernetes.io/name: redis }
  ports: [{ name: redis, port: 6379 }]
`

function ingress({ authHost, authPath, sites }: Plan): string {
  const rules = sites.flatMap(site => site.hosts.map(host => ruleOf(host, site)))
  return `#
# The way in for the service and for the agents' own addresses, for any ingress controller. CHOOSE: ingressClassName, and
# the certificates. The apps' own rules are yours: before each request the controller asks the agent, as Traefik does by
#   kind: Middleware, spec.forwardAuth: { address: http://carnet-agent-shop.carnet:${AGENT_PORT}/api/verify,
#     authResponseHeaders: [X-Carnet-User, X-Carnet-Email, X-Carnet-Name, X-Carnet-Roles] }
# with these headers taken out of what comes from outside. An app with the agent inside needs neither.
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: carnet
spec:
  ingressClassName: traefik # CHOOSE
  tls:
    - { hosts: [${authHost}], secretName: carnet-auth-tls }
${sites.map(({ id, hosts }) => `    - { hosts: [${hosts.join(', ')}], secretName: carnet-site-${id}-tls }`).join('\n')}
  rules:
    - host: ${authHost}
      http:
        paths:
          - { path: ${authPath || '/'}, pathType: Prefix, backend: { service: { name: carnet-auth, port: { name: http } } } }
${rules.join('\n')}
`
}

function ruleOf(host: string, { id }: PlannedSite): string {
  const backend = `{ service: { name: carnet-agent-${id}, port: { name: http } } }`
  const paths = AGENT_ROUTES.map(
    route => `          - { path: /api/${route}, pathType: Exact, backend: ${backend} }`,
  )
  return `    - host: ${host}
      http:
        paths:
${paths.join('\n')}`
}

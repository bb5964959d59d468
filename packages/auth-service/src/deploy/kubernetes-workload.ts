/** One part of Carnet as Kubernetes runs it: several pods behind a service. */
export interface Workload {
  readonly name: string
  /** The value of `app.kubernetes.io/name`. */
  readonly kind: 'auth-service' | 'agent'
  readonly image: string
  readonly port: number
  /** The path of the probes, less `/healthz` and `/readyz`. */
  readonly path: string
  readonly env: readonly string[]
  readonly cpu: { readonly request: string; readonly limit: string }
  readonly memory: { readonly request: string; readonly limit: string }
  /** Pods at most. */
  readonly most: number
}

/** What no pod of ours may do; `indent` stands before each line. */
export function podSecurity(user: number, indent: string): string {
  return `automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: ${user}
  runAsGroup: ${user}
  fsGroup: ${user}
  seccompProfile: { type: RuntimeDefault }`.replaceAll(/^/gm, indent)
}

/** And no container. */
export const CONTAINER_SECURITY =
  'securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }'

/** An environment variable that names a key of a Secret. */
export function fromSecret(variable: string, secret: string, optional = false): string {
  const more = optional ? ', optional: true' : ''
  return `- { name: ${variable}, valueFrom: { secretKeyRef: { name: ${secret}, key: ${variable}${more} } } }`
}

/** Deployment, Service, PodDisruptionBudget and HorizontalPodAutoscaler. */
export function workload({ name, kind, image, port, path, env, cpu, memory, most }: Workload): string {
  const labels = `{ app.kubernetes.io/part-of: carnet, app.kubernetes.io/name: ${kind}, app.kubernetes.io/instance: ${name} }`
  const selector = `{ app.kubernetes.io/instance: ${name} }`
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: ${labels}
spec:
  # How many is the HorizontalPodAutoscaler's to say: two at least.
  revisionHistoryLimit: 5
  strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  selector: { matchLabels: ${selector} }
  template:
    metadata:
      labels: ${labels}
    spec:
${podSecurity(1000, '      ')}
      terminationGracePeriodSeconds: 30
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: { matchLabels: ${selector} }
      containers:
        - name: ${kind}
          image: ${image}
          ${CONTAINER_SECURITY}
          ports: [{ name: http, containerPort: ${port} }]
          env:
            - { name: CARNET_MANIFEST, value: /etc/carnet/sites.yaml }
            - { name: CARNET_HOST, value: 0.0.0.0 }
            - { name: CARNET_PORT, value: "${port}" }
            - { name: CARNET_TRUST_PROXY, valueFrom: { configMapKeyRef: { name: carnet-settings, key: CARNET_TRUST_PROXY } } }
${env.map(line => `            ${line}`).join('\n')}
          startupProbe: { httpGet: { path: ${path}/healthz, port: http }, periodSeconds: 2, failureThreshold: 30 }
          livenessProbe: { httpGet: { path: ${path}/healthz, port: http }, periodSeconds: 10, timeoutSeconds: 3 }
          readinessProbe: { httpGet: { path: ${path}/readyz, port: http }, periodSeconds: 5, timeoutSeconds: 3 }
          # Until nobody sends it requests any more; then it drains by itself.
          lifecycle: { preStop: { exec: { command: [sleep, "5"] } } }
          resources:
            requests: { cpu: ${cpu.request}, memory: ${memory.request} }
            limits: { cpu: ${cpu.limit}, memory: ${memory.limit} }
          volumeMounts:
            - { name: manifest, mountPath: /etc/carnet, readOnly: true }
            - { name: tmp, mountPath: /tmp }
      volumes:
        - { name: manifest, configMap: { name: carnet-manifest } }
        - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
---
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  labels: ${labels}
spec:
  selector: ${selector}
  ports: [{ name: http, port: ${port}, targetPort: http }]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: ${name}
spec:
  minAvailable: 1
  selector: { matchLabels: ${selector} }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: ${name}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: ${name} }
  minReplicas: 2
  maxReplicas: ${most}
  metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 70 } } }]
`
}

import { AGENT_PORT, AUTH_PORT, type Plan } from './plan.ts'

/** Who may speak with whom: nothing that is not named here. */
export function networkPolicies({ manifest }: Plan): string {
  const { credentials } = manifest.accounts
  const backendPort = credentials === null ? null : new URL(credentials).port || '443'
  const backend =
    backendPort === null
      ? ''
      : `
    # CHOOSE: the backend that knows the passwords
    - to: [{ ipBlock: { cidr: 0.0.0.0/0 } }]
      ports: [{ port: ${backendPort} }]`
  return `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: carnet-nothing-else
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: carnet-dns
spec:
  podSelector: { matchLabels: { app.kubernetes.io/part-of: carnet } }
  policyTypes: [Egress]
  egress:
    - to: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: kube-system } } }]
      ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: carnet-auth-service
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: auth-service } }
  policyTypes: [Ingress, Egress]
  ingress:
    # CHOOSE: the namespace of your ingress controller
    - from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ingress } } }]
      ports: [{ port: ${AUTH_PORT} }]
  egress:
    - to: [{ podSelector: { matchLabels: { app.kubernetes.io/name: redis } } }]
      ports: [{ port: 6379 }]
    # CHOOSE: where PostgreSQL is. Nobody else is let there.
    - to: [{ ipBlock: { cidr: 10.0.0.0/8 } }]
      ports: [{ port: 5432 }]
    # CHOOSE: the mail server
    - to: [{ ipBlock: { cidr: 0.0.0.0/0 } }]
      ports: [{ port: 587 }, { port: 465 }]${backend}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: carnet-agents
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: agent } }
  policyTypes: [Ingress, Egress]
  ingress:
    # CHOOSE: the namespace of your ingress controller
    - from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ingress } } }]
      ports: [{ port: ${AGENT_PORT} }]
  egress:
    - to: [{ podSelector: { matchLabels: { app.kubernetes.io/name: redis } } }]
      ports: [{ port: 6379 }]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: carnet-redis
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: redis } }
  policyTypes: [Ingress, Egress]
  ingress:
    # An app with the agent inside: add its pods here.
    - from:
        - podSelector: { matchLabels: { app.kubernetes.io/name: auth-service } }
        - podSelector: { matchLabels: { app.kubernetes.io/name: agent } }
      ports: [{ port: 6379 }]
  egress: []
---
# For a PostgreSQL in this very namespace, with these labels.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: carnet-database
spec:
  podSelector: { matchLabels: { app.kubernetes.io/name: postgresql } }
  policyTypes: [Ingress]
  ingress:
    - from: [{ podSelector: { matchLabels: { app.kubernetes.io/name: auth-service } } }]
      ports: [{ port: 5432 }]
`
}

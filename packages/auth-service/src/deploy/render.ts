import { caddy } from './caddy.ts'
import { compose } from './compose.ts'
import { kubernetes } from './kubernetes.ts'
import { nginx } from './nginx.ts'
import type { DeployFile, Plan } from './plan.ts'
import { systemd } from './systemd.ts'

/** What is rendered from the manifest alone. */
export type PlainTarget = 'compose' | 'kubernetes' | 'nginx' | 'caddy' | 'systemd'

const RENDERERS: Readonly<Record<PlainTarget, (plan: Plan) => DeployFile[]>> = {
  compose,
  kubernetes,
  nginx,
  caddy: plan => caddy(plan),
  systemd,
}

/** Their names. */
export const PLAIN_TARGETS: readonly PlainTarget[] = Object.keys(RENDERERS) as PlainTarget[]

/** The files of a target; the same plan gives the same files. */
export function render(target: PlainTarget, plan: Plan): DeployFile[] {
  return RENDERERS[target](plan)
}

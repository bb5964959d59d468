import { marked } from './mark.ts'
import {
  type Addresses,
  AGENT_ROUTES,
  type DeployFile,
  IDENTITY_HEADERS,
  ONE_MACHINE,
  type Plan,
  type PlannedSite,
} from './plan.ts'

/** One file, for a Caddy on the machine of all the parts, or where `addresses` says. */
export function caddy(plan: Plan, addresses: Addresses = ONE_MACHINE): DeployFile[] {
  const text = `#
# CHOOSE marks what you have to see to: where the apps are. Certificates come by themselves (ACME); for those of your own
# put \`tls CERTIFICATE KEY\` into each block.
# An agent listens beside each app, and trusts this proxy by CARNET_TRUST_PROXY.
# An app with the agent inside needs neither the agent nor the question: proxy all of its domain to it, as for
# ${plan.authHost}.

${plan.authHost} {
	reverse_proxy ${plan.authPath === '' ? '' : `${plan.authPath}/* `}${addresses.auth}
}
${plan.sites.map(site => blockOf(site, addresses)).join('')}`
  return [marked('Caddyfile', text)]
}

function blockOf(site: PlannedSite, { agentOf, appOf }: Addresses): string {
  return `
${site.hosts.join(', ')} {
	# The agent's own addresses. All else below /api/ is the app's.
	@carnet path ${AGENT_ROUTES.map(route => `/api/${route}`).join(' ')}
	handle @carnet {
		reverse_proxy ${agentOf(site)}
	}

	# Signed-in only. Pages that are open to all: a handle of their own, above this one, without the forward_auth.
	handle {
		# In this order: left to itself Caddy would ask first and take the answer out afterwards.
		route {
			# Nobody but the agent says who is signed in, in no spelling. And nobody has what it says dropped on the way, as
			# Caddy drops what a client lists in Connection.
			request_header -*carnet*
			request_header Connection (?i)x-carnet-[a-z]+ close
			# Who is signed in passes. With a rule: /api/verify/role=admin?, /verified?, /max_age=10m?, or /optional?, which
			# lets everybody pass. By the question mark the visitor's own query is left out.
			forward_auth ${agentOf(site)} {
				uri /api/verify?
				copy_headers ${IDENTITY_HEADERS.join(' ')}
			}
			reverse_proxy ${appOf(site)} # CHOOSE: the app of ${site.id}
		}
	}
}
`
}

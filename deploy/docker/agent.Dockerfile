# At the root of the repository: docker build -f deploy/docker/agent.Dockerfile -t carnet-agent .
# It runs with a read-only root; the manifest is mounted at /etc/carnet, and what is secret comes by the environment.
FROM node:26-slim AS packages
WORKDIR /carnet
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY packages packages
RUN npx -y pnpm@12 install --frozen-lockfile --prod --filter @carnet/site-agent...

FROM node:26-slim
ENV NODE_ENV=production CARNET_MANIFEST=/etc/carnet/sites.yaml CARNET_HOST=0.0.0.0 CARNET_PORT=4010
WORKDIR /carnet
COPY --from=packages /carnet .
USER 1000:1000
EXPOSE 4010
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:4010/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "packages/site-agent/src/cli.ts"]

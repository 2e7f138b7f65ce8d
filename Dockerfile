# syntax=docker/dockerfile:1

# Compiles TypeScript to dist/.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# tsc is among the optional packages (a binary for each platform).
RUN npm ci --include=dev --include=optional --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/copy-assets.mjs scripts/
COPY src/ src/
RUN node_modules/.bin/tsc -p tsconfig.build.json && node scripts/copy-assets.mjs

# The packages that run, without those that build and test; the image has a Node of its own.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules node_modules/
COPY --from=build /app/dist dist/
COPY package.json LICENSE ./
COPY config/ config/

# The image's own unprivileged user, by number so that Kubernetes can see that it is not root.
USER 1000:1000

# HTTP (JSON, health), gRPC, debug, metrics.
EXPOSE 8080 8081 6070 9090

# Weir drains on SIGTERM: it turns unhealthy, finishes what it has, and ends.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT||8080}/healthcheck`).then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))"]

# Node directly, not npm, so that signals reach it.
CMD ["node", "dist/main.js"]

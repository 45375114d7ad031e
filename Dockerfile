# One image for the API, the worker, the seed and the commands of operators (audit, migrate, purge): they share nearly all
# their packages, and only the command differs.
FROM node:24-bookworm-slim AS base
WORKDIR /app

# Everything from npm, in a stage of its own: neither pnpm nor its store gets into the image.
FROM base AS dependencies
# Manifests without sources: a change of code leaves the slow layer below as it is.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY patches patches
COPY apps/api/package.json apps/api/
COPY apps/worker/package.json apps/worker/
COPY packages/audit/package.json packages/audit/
COPY packages/core/package.json packages/core/
COPY packages/lanes/package.json packages/lanes/
COPY packages/load/package.json packages/load/
COPY packages/local-stack/package.json packages/local-stack/
COPY packages/maintenance/package.json packages/maintenance/
COPY packages/runtime/package.json packages/runtime/
COPY packages/store/package.json packages/store/
COPY packages/terminal/package.json packages/terminal/
COPY seed/package.json seed/
# Which pnpm, package.json says. Told to ignore that, it does not look for itself in the lockfile, which is frozen.
RUN npx --yes "$(node -p "require('./package.json').packageManager")" \
    install --prod --frozen-lockfile --pm-on-fail=ignore

FROM base
# What every build knows; the workflow adds version, commit and date.
LABEL org.opencontainers.image.title=Flashclaim \
      org.opencontainers.image.description="Processes coupon claims in flash sales: API, worker and commands" \
      org.opencontainers.image.licenses=Apache-2.0
ENV NODE_ENV=production
# Node runs the TypeScript sources as they are, but none under node_modules. So the packages of this workspace stay
# links to their folders, as pnpm made them; `pnpm deploy` would copy them to where Node refuses their types.
COPY --from=dependencies /app ./
# .dockerignore names the packages.
COPY packages packages
COPY apps apps
COPY seed seed
# The files belong to root: who breaks into the process can't change what it runs.
USER node
EXPOSE 8080
CMD ["node", "--max-semi-space-size=32", "--heap-growing-percent=40", "apps/api/src/server.ts"]

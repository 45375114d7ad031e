#!/usr/bin/env bash
# Sets the next version in every package.json, and makes the entries under "Unreleased" its section of the changelog.
set -euo pipefail
cd "$(dirname "$0")/.."
npx --yes @changesets/cli@2.29.8 version
version=$(node -p "require('./packages/client/package.json').version")
# Changesets leaves the root of the workspace out.
npm pkg set "version=$version"
sed -i "s/^## \[Unreleased\]$/&\n\n## [$version] - $(date -u +%F)/" CHANGELOG.md

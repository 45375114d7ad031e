#!/usr/bin/env bash
# Creates the coupons of seed_data.json that are not in MongoDB yet. Does not change existing coupons, so it can run again.
#
#   MONGO_URI=mongodb://localhost:27017 MONGO_DB=coupon_system seed/seed_mongodb.sh
#
# Runs `npm run seed`: the rules for names are in the project's own code, which neither mongosh nor mongoimport can run.
set -eu

if ! command -v node > /dev/null 2>&1; then
  echo "The seed needs Node.js 20 or newer on the PATH: install it." >&2
  exit 1
fi
exec node "$(dirname "$0")/../packages/local-stack/bootstrap.mjs" packages/maintenance/src/seed.ts

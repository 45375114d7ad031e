#!/usr/bin/env bash
# Creates the coupons of seed_data.json that are not in MongoDB yet. May be run again: a coupon that is there stays as it is.
#
#   MONGO_URI=mongodb://localhost:27017 MONGO_DB=coupon_system seed/seed_mongodb.sh
#
# The same as `npm run seed`: what a name may be, and its one form, is said in the project's own code, which neither mongosh
# nor mongoimport can run.
set -eu

if ! command -v node > /dev/null 2>&1; then
  echo "Seeding needs Node.js 20 or newer on the PATH: install it." >&2
  exit 1
fi
exec node "$(dirname "$0")/../packages/local-stack/bootstrap.mjs" seed/seed.ts

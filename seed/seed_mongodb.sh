#!/usr/bin/env bash
# Creates the coupons of seed_data.json that are not in MongoDB yet. May be run again: a coupon that is there stays as it is.
#
#   MONGO_URI=mongodb://localhost:27017 MONGO_DB=coupon_system seed/seed_mongodb.sh
#
# Uses mongosh where there is one, and the project's own seed.ts otherwise. Not mongoimport: it can neither make the
# unique index on the name nor leave an existing coupon alone, so a second run would undo the sales of the first.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
export MONGO_URI="${MONGO_URI:-mongodb://localhost:27017}"
export MONGO_DB="${MONGO_DB:-coupon_system}"
export SEED_DATA="$here/seed_data.json"

if command -v mongosh > /dev/null 2>&1; then
  exec mongosh "$MONGO_URI" --quiet --norc --file "$here/seed-with-mongosh.js"
fi
if ! command -v node > /dev/null 2>&1; then
  echo "Seeding needs mongosh or Node.js 20 or newer on the PATH: install either." >&2
  exit 1
fi
exec node "$here/../packages/local-stack/bootstrap.mjs" seed/seed.ts

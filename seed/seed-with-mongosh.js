// Run by seed_mongodb.sh inside mongosh, where the project's own code can't be. Writes the documents that seed.ts writes.
const { readFileSync } = require('node:fs');

const { coupons } = JSON.parse(readFileSync(process.env.SEED_DATA, 'utf8'));
const target = db.getSiblingDB(process.env.MONGO_DB).coupons;
// The first start may be yet to come, and two seeds at once must not make two coupons of one name.
target.createIndex({ name: 1 }, { unique: true });

for (const coupon of coupons) {
  // The one form of names, as in packages/core/src/name.ts.
  const name = coupon.name.normalize('NFC');
  const amount = Int32(coupon.amount);
  const now = new Date();
  const fields = { amount, remaining_amount: amount, created_at: now, updated_at: now };
  const { upsertedCount } = target.updateOne(
    { name },
    { $setOnInsert: fields },
    { upsert: true, writeConcern: { w: 'majority', j: true } },
  );
  const { amount: units, remaining_amount: remaining } = target.findOne({ name });
  print(
    `${name.padEnd(20)}${`${units}`.padStart(10)}${`${remaining}`.padStart(12)}  ${upsertedCount ? 'created' : 'was there, left alone'}`,
  );
}

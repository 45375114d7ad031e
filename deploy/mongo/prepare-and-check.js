/**
 * The health check of MongoDB in docker-compose.yml, run by mongosh. Healthy means that the server takes writes, and that the
 * apps' user can log in where MONGO_PASSWORD is set.
 *
 * The first run also makes the server a replica set of one, under the name by which the others reach it. It creates the users:
 * from its own machine, MongoDB lets anybody do that as long as there is no user.
 */
const { MONGO_DB, MONGO_PASSWORD, MONGO_ROOT_PASSWORD } = process.env;
const admin = db.getSiblingDB('admin');

const login = (user, password) => {
  try {
    return admin.auth(user, password).ok === 1;
  } catch {
    return false;
  }
};

/** Creates the apps' user, or gives it a new password. */
const prepareUser = () => {
  if (!login('root', MONGO_ROOT_PASSWORD)) {
    admin.createUser({ user: 'root', pwd: MONGO_ROOT_PASSWORD, roles: ['root'] });
    admin.auth('root', MONGO_ROOT_PASSWORD);
  }
  const roles = [
    { role: 'readWrite', db: MONGO_DB },
    { role: 'dbAdmin', db: MONGO_DB },
    { role: 'clusterMonitor', db: 'admin' },
  ];
  if (admin.getUser('flashclaim')) admin.updateUser('flashclaim', { pwd: MONGO_PASSWORD, roles });
  else admin.createUser({ user: 'flashclaim', pwd: MONGO_PASSWORD, roles });
};

// It has no configuration yet.
if (db.hello().isreplicaset) {
  rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: 'mongo:27017' }] });
  // The election takes a moment.
  sleep(1_000);
}
const { isWritablePrimary } = db.hello();
if (isWritablePrimary && MONGO_PASSWORD && !login('flashclaim', MONGO_PASSWORD)) prepareUser();
quit(isWritablePrimary ? 0 : 1);

// A store of one's own in JavaScript: any object with these three methods, sync or async; with `scan` and `batch` it can do
// those too.
import { PolicyEngine, denyAll } from 'checkrein';

// README: a store
const data = new Map();
const name = (key) => Buffer.from(key).toString('hex');

const store = {
  get: async (key) => data.get(name(key)),
  put: async (key, value) => void data.set(name(key), value),
  delete: async (key) => void data.delete(name(key)),
};
// README: end

const policy = new PolicyEngine(store);
policy.beforeWrite('secret/*', denyAll);
await policy.put(Buffer.from('users/alice'), Buffer.from('data'));
console.log('get users/alice:', Buffer.from(await policy.get(Buffer.from('users/alice'))).toString());
await policy.delete(Buffer.from('users/alice'));
console.log('get users/alice:', (await policy.get(Buffer.from('users/alice'))) ?? 'None');
await policy.put(Buffer.from('secret/key'), Buffer.from('x')).catch((refused) => {
  console.log('put secret/key:', refused.code);
});

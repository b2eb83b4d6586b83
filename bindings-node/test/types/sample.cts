// The same package from CommonJS.

import { Database, PolicyEngine, PolicyViolation } from 'checkrein';
import policy = require('checkrein/policy');

const engine = new PolicyEngine(Database.memory());
engine.beforeWrite('**', policy.denyAll);
engine.put(Buffer.from('k'), Buffer.from('v')).catch((error: unknown) => error instanceof PolicyViolation);

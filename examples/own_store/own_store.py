"""A store of one's own in Python: any object with these three methods; with `scan` and `batch` it can do those too."""

from checkrein import PolicyEngine, PolicyViolation
from checkrein.policy import deny_all


# README: a store
class DictStore:
    def __init__(self):
        self.data = {}

    def get(self, key):
        return self.data.get(key)

    def put(self, key, value):
        self.data[key] = value

    def delete(self, key):
        self.data.pop(key, None)
# README: end


policy = PolicyEngine(DictStore())
policy.before_write("secret/*", deny_all)
policy.put(b"users/alice", b"data")
print("get users/alice:", policy.get(b"users/alice").decode())
policy.delete(b"users/alice")
print("get users/alice:", policy.get(b"users/alice"))
try:
    policy.put(b"secret/key", b"x")
except PolicyViolation as refused:
    print("put secret/key:", refused.code)

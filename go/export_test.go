package checkrein

// What the tests see of the inside.

// EmptyCall is the least that a call into C costs.
func EmptyCall() { abiVersion() }

// LiveHandles is how many of the core's objects Go owns.
func LiveHandles() int64 { return liveHandles.Load() }

// HostHooks is how many callables an engine keeps.
func HostHooks(policy *PolicyEngine) int {
	count := 0
	policy.native.Load().callables.Range(func(any, any) bool {
		count++
		return true
	})
	return count
}

// OpenOperations is how many operations of an engine are open.
func OpenOperations(policy *PolicyEngine) int { return policy.native.Load().openOperations() }

// Pack is a context as it crosses.
func Pack(context any) []byte { return pack(nil, context) }

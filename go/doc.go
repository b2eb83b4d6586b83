// Package checkrein keeps AI agents in check: it stands between what an agent decides and what really happens, inside
// the agent's own process, and answers one question: may this happen, here, now, by this agent?
//
// A [PolicyEngine] guards a key-value store: its hooks are asked before and after every read, write and delete,
// those of scans and batches too, its rate limits bound them, and its audit tells them.
//
//	db, err := checkrein.Open("./agent_data")
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	policy := checkrein.NewPolicyEngine(db)
//	policy.BeforeWrite("system/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
//		if ctx.AgentID != "" {
//			return checkrein.PolicyDeny
//		}
//		return checkrein.PolicyAllow
//	})
//	err = policy.Put([]byte("users/alice"), []byte("data"), map[string]string{"agent_id": "agent_001"})
//
// What cannot be judged does not happen: a hook that panics or gives no answer refuses the operation. Everything is
// decided in Checkrein's core, which gives the same answer in every language; this package converts and drives.
// Every object may be shared by goroutines.
package checkrein

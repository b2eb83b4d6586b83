db, _ := sochdb.Open("./agent_data")
policy := sochdb.NewPolicyEngine(db)

// Block writes to system keys
policy.BeforeWrite("system/*", func(ctx *sochdb.PolicyContext) sochdb.PolicyAction {
    if ctx.AgentID != "" {
        return sochdb.PolicyDeny
    }
    return sochdb.PolicyAllow
})

// Use policy-wrapped operations
err := policy.Put([]byte("users/alice"), []byte("data"), map[string]string{
    "agent_id": "agent_001",
})

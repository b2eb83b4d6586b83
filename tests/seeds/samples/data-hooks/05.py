# Global limit: 1000 writes per minute
policy.add_rate_limit("write", max_per_minute=1000, scope="global")

# Per-agent limit: 100 writes per minute per agent
policy.add_rate_limit("write", max_per_minute=100, scope="agent_id")

# Per-session limit
policy.add_rate_limit("read", max_per_minute=500, scope="session_id")

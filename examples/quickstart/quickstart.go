// The quick start in Go: agents may not write system keys, and e-mail addresses are redacted on request.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"

	checkrein "github.com/checkrein/checkrein/go"
)

func main() {
	folder := "./agent_data"
	if len(os.Args) > 1 {
		folder = os.Args[1]
	}
	db, err := checkrein.Open(folder)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	policy := checkrein.NewPolicyEngine(db)
	defer policy.Close()

	policy.BeforeWrite("system/*", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if ctx.AgentID != "" {
			return checkrein.PolicyDeny
		}
		return checkrein.PolicyAllow
	})
	policy.AfterRead("users/*/email", func(ctx *checkrein.PolicyContext) checkrein.PolicyAction {
		if ctx.Get("redact_pii") != "" {
			return ctx.Modify([]byte("[REDACTED]"))
		}
		return checkrein.PolicyAllow
	})

	put := func(what, key, value string, context map[string]string) {
		err := policy.Put([]byte(key), []byte(value), context)
		var refusal *checkrein.PolicyViolation
		switch {
		case err == nil:
			fmt.Println(what + ": allowed")
		case errors.As(err, &refusal):
			fmt.Println(what + ": " + refusal.Code())
		default:
			log.Fatal(err)
		}
	}
	get := func(what string, context map[string]string) {
		value, err := policy.Get([]byte("users/alice/email"), context)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", what, value)
	}

	agent := map[string]string{"agent_id": "agent_001"}
	put("put users/alice/email by agent_001", "users/alice/email", "alice@example.com", agent)
	put("put system/config by agent_001", "system/config", "malicious", agent)
	put("put system/config by the operator", "system/config", "{}", nil)
	get("get users/alice/email, redacted", map[string]string{"redact_pii": "yes"})
	get("get users/alice/email", nil)
}

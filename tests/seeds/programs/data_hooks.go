// The Go samples of data-hooks, and checks of what the text beside them claims.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/checkrein/checkrein/go"
)

func check(holds bool, what ...any) {
	if !holds {
		panic(fmt.Sprint(what...))
	}
}

func main() {
	// sample: data-hooks 2

	check(err == nil, err)
	value, err := policy.Get([]byte("users/alice"), nil)
	check(string(value) == "data" && err == nil, "read ", value, err)

	err = policy.Put([]byte("system/config"), []byte("malicious"), map[string]string{"agent_id": "rogue"})
	var refused *checkrein.PolicyViolation
	check(errors.As(err, &refused), "a rogue was not refused: ", err)
	value, err = policy.Get([]byte("system/config"), nil)
	check(value == nil && err == nil, "it was written: ", value, err)
	err = policy.Put([]byte("system/config"), []byte("by the system itself"), nil)
	check(err == nil, err)

	text, err := os.ReadFile(os.Args[1])
	check(err == nil, err)
	var table map[string][]string
	check(json.Unmarshal(text, &table) == nil && len(table) > 0, "no table of patterns")
	for pattern, keys := range table {
		policy := checkrein.NewPolicyEngine(checkrein.OpenMemory())
		policy.BeforeWrite(pattern, checkrein.DenyAll)
		for _, key := range keys {
			err := policy.Put([]byte(key), []byte("x"), nil)
			check(errors.As(err, &refused), pattern, " is said to match ", key, ": ", err)
		}
		check(policy.Put([]byte("nothing/that/they/name.txt"), []byte("x"), nil) == nil, pattern)
	}
	fmt.Println("go: the samples do what they claim")
}

package bboltstore_test

import (
	"fmt"
	"os"
	"path/filepath"

	checkrein "github.com/checkrein/checkrein/go"
	bboltstore "github.com/checkrein/checkrein/go/adapters/bbolt"
	"go.etcd.io/bbolt"
)

func Example() {
	folder, err := os.MkdirTemp("", "agents")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	db, err := bbolt.Open(filepath.Join(folder, "agents.db"), 0o600, nil)
	if err != nil {
		panic(err)
	}
	defer db.Close()
	store, err := bboltstore.New(db, []byte("agents"))
	if err != nil {
		panic(err)
	}
	policy := checkrein.NewPolicyEngine(store)
	defer policy.Close()
	policy.BeforeWrite("system/*", checkrein.DenyAll)
	fmt.Println(policy.Put([]byte("users/alice"), []byte("data"), nil))
	fmt.Println(policy.Put([]byte("system/config"), []byte("data"), nil))
	value, err := policy.Get([]byte("users/alice"), nil)
	fmt.Println(string(value), err)
	// Output:
	// <nil>
	// write of `system/config` denied (`before_write system/*`): denied by deny_all
	// data <nil>
}

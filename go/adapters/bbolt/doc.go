// Package bboltstore puts a policy engine in front of a bucket of a bbolt database.
//
//	db, err := bbolt.Open("agents.db", 0o600, nil)
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	store, err := bboltstore.New(db, []byte("agents"))
//	if err != nil {
//		return err
//	}
//	policy := checkrein.NewPolicyEngine(store)
//
// It is a module of its own, so that programs without bbolt do not depend on it.
package bboltstore

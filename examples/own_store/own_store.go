// A store of one's own in Go: any type with these three methods; a Scanner and a Batcher can do those too.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"sync"

	checkrein "github.com/checkrein/checkrein/go"
)

// README: a store
type mapStore struct{ data sync.Map }

func (s *mapStore) Get(key []byte) ([]byte, error) {
	value, _ := s.data.Load(string(key))
	found, _ := value.([]byte)
	return found, nil
}
func (s *mapStore) Put(key, value []byte) error { s.data.Store(string(key), bytes.Clone(value)); return nil }
func (s *mapStore) Delete(key []byte) error     { s.data.Delete(string(key)); return nil }

// README: end

func main() {
	policy := checkrein.NewPolicyEngine(&mapStore{})
	defer policy.Close()
	policy.BeforeWrite("secret/*", checkrein.DenyAll)
	if err := policy.Put([]byte("users/alice"), []byte("data"), nil); err != nil {
		log.Fatal(err)
	}
	value, err := policy.Get([]byte("users/alice"), nil)
	fmt.Println("get users/alice:", string(value))
	if err != nil || policy.Delete([]byte("users/alice"), nil) != nil {
		log.Fatal(err)
	}
	if value, err = policy.Get([]byte("users/alice"), nil); err == nil && value == nil {
		fmt.Println("get users/alice: None")
	}
	var refused *checkrein.PolicyViolation
	if errors.As(policy.Put([]byte("secret/key"), []byte("x"), nil), &refused) {
		fmt.Println("put secret/key:", refused.Code())
	}
}

package checkrein_test

import (
	"bytes"
	"runtime"
	"slices"
	"strings"

	checkrein "github.com/checkrein/checkrein/go"
)

// scriptedStore is a store over a map that does its nth word at its nth call.
type scriptedStore struct {
	words  []string
	calls  int
	values map[string][]byte
}

// The abilities that a store may have beside.
type (
	scriptedScans   struct{ *scriptedStore }
	scriptedBatches struct{ *scriptedStore }
)

// made gives the store with the abilities that the vector says, and what lies beneath.
func (s *storeSpec) made() (checkrein.Store, *scriptedStore) {
	store := &scriptedStore{words: s.Words, values: map[string][]byte{}}
	for key, value := range s.Holds {
		store.values[string(unescaped(key))] = value.bytes
	}
	scans, batches := slices.Contains(s.Can, "scan"), slices.Contains(s.Can, "batch")
	switch {
	case scans && batches:
		return struct {
			*scriptedStore
			checkrein.Scanner
			checkrein.Batcher
		}{store, scriptedScans{store}, scriptedBatches{store}}, store
	case scans:
		return struct {
			*scriptedStore
			checkrein.Scanner
		}{store, scriptedScans{store}}, store
	case batches:
		return struct {
			*scriptedStore
			checkrein.Batcher
		}{store, scriptedBatches{store}}, store
	}
	return store, store
}

func (s *scriptedStore) next() string {
	word := s.words[min(s.calls, len(s.words)-1)]
	s.calls++
	return word
}

func (s *scriptedStore) word(do func()) error { return s.doing(s.next(), do) }

func (s *scriptedStore) doing(word string, do func()) error {
	name, rest, _ := strings.Cut(word, ":")
	switch name {
	case "ok":
		do()
		return nil
	case "raise":
		return errForeign
	case "ok_then_raise":
		do()
		return errForeign
	case "violate":
		return &checkrein.PolicyViolation{Reason: rest}
	case "cancel":
		runtime.Goexit()
	}
	panic("a word that the runner does not know: " + word)
}

func (s *scriptedStore) Put(key, value []byte) error {
	return s.word(func() { s.values[string(key)] = append([]byte{}, value...) })
}

func (s *scriptedStore) Get(key []byte) (value []byte, err error) {
	err = s.word(func() { value = s.values[string(key)] })
	return value, err
}

func (s *scriptedStore) Delete(key []byte) error {
	return s.word(func() { delete(s.values, string(key)) })
}

func (s scriptedBatches) Batch(ops []checkrein.BatchOp) error {
	return s.word(func() {
		for _, op := range ops {
			if op.Delete {
				delete(s.values, string(op.Key))
			} else {
				s.values[string(op.Key)] = append([]byte{}, op.Value...)
			}
		}
	})
}

// Scan gives a page with the fault that the word says.
func (s scriptedScans) Scan(prefix, after []byte, limit int) (page []checkrein.Pair, err error) {
	for key, value := range s.values {
		if strings.HasPrefix(key, string(prefix)) && (after == nil || key > string(after)) {
			page = append(page, checkrein.Pair{Key: []byte(key), Value: value})
		}
	}
	slices.SortFunc(page, func(a, b checkrein.Pair) int { return bytes.Compare(a.Key, b.Key) })
	word, most := s.next(), limit
	switch word {
	case "short":
		most = 1
	case "too_many":
		most = limit + 1
	}
	page = page[:min(most, len(page))]
	switch word {
	case "short", "too_many":
		return page, nil
	case "unordered":
		slices.Reverse(page)
		return page, nil
	case "out_of_prefix":
		return append(page, checkrein.Pair{Key: []byte("\xff elsewhere"), Value: []byte("x")}), nil
	}
	return page, s.doing(word, func() {})
}

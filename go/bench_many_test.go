package checkrein_test

import (
	"fmt"
	"testing"

	checkrein "github.com/checkrein/checkrein/go"
)

const benchPairs = 100_000

// filled gives a database in memory with so many pairs.
func filled() *checkrein.Database {
	db := checkrein.OpenMemory()
	ops := make([]checkrein.BatchOp, benchPairs)
	for at := range ops {
		ops[at] = checkrein.BatchOp{Key: fmt.Appendf(nil, "users/%06d/name", at), Value: benchValue}
	}
	if err := db.Batch(ops); err != nil {
		panic(err)
	}
	return db
}

// paging walks over the database itself, in pages as large as the engine's, pair by pair.
func paging(db *checkrein.Database) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		var after []byte
		for left := b.N; left > 0; {
			page, err := db.Scan([]byte("users/"), after, 256)
			if err != nil {
				b.Fatal(err)
			}
			left -= len(page)
			if after = nil; len(page) > 0 {
				after = page[len(page)-1].Key
			}
		}
	}
}

// scanning walks over it through an engine, pair by pair.
func scanning(db *checkrein.Database, set func(*checkrein.PolicyEngine)) func(*testing.B) {
	policy := checkrein.NewPolicyEngine(db)
	set(policy)
	return func(b *testing.B) {
		b.ReportAllocs()
		for left := b.N; left > 0; {
			for _, err := range policy.Scan([]byte("users/"), nil) {
				if err != nil {
					b.Fatal(err)
				}
				if left--; left == 0 {
					break
				}
			}
		}
	}
}

// severalMeasures are of scans, batches and get_many: for one pair, change or key of each.
func severalMeasures() []measure {
	db := filled()
	const many = 100
	ops, keys := make([]checkrein.BatchOp, many), make([][]byte, many)
	for at := range ops {
		keys[at] = fmt.Appendf(nil, "users/%06d/name", at)
		ops[at] = checkrein.BatchOp{Key: keys[at], Value: benchValue}
	}
	ten := guarded(10, nil)
	return []measure{
		{"bare database: scan, a pair", paging(db)},
		{"scan, 10 hooks, a pair", scanning(db, func(p *checkrein.PolicyEngine) {
			for n := range 10 {
				p.AfterRead(fmt.Sprintf("system/%d/*", n), checkrein.DenyAll)
			}
		})},
		{"scan, a native hook, a pair", scanning(db, func(p *checkrein.PolicyEngine) {
			p.AfterRead("users/*/name", checkrein.RedactValue([]byte("[REDACTED]")))
		})},
		{"scan, a Go hook, a pair", scanning(db, func(p *checkrein.PolicyEngine) { p.AfterRead("users/**", allow) })},
		{"scan of a Go store, a pair", func(b *testing.B) {
			b.ReportAllocs()
			var page []checkrein.Pair
			for at := range 256 {
				page = append(page, checkrein.Pair{Key: fmt.Appendf(nil, "users/%06d/name", at), Value: benchValue})
			}
			store := &paged{memoryStore: newMemoryStore()}
			store.page = func(_, after []byte, _ int) ([]checkrein.Pair, error) {
				if after != nil {
					return nil, nil
				}
				return page, nil
			}
			policy := checkrein.NewPolicyEngine(store)
			policy.AfterRead("system/*", checkrein.DenyAll)
			for left := b.N; left > 0; {
				for _, err := range policy.Scan([]byte("users/"), nil) {
					if err != nil {
						b.Fatal(err)
					}
					if left--; left == 0 {
						break
					}
				}
			}
		}},
		{"batch of 100 puts, a change", func(b *testing.B) {
			b.ReportAllocs()
			for left := b.N; left > 0; left -= many {
				if err := ten.Batch(ops, benchContext); err != nil {
					b.Fatal(err)
				}
			}
		}},
		{"get_many of 100, a key", func(b *testing.B) {
			b.ReportAllocs()
			for left := b.N; left > 0; left -= many {
				if _, err := ten.GetMany(keys, benchContext); err != nil {
					b.Fatal(err)
				}
			}
		}},
	}
}

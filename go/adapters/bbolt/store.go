package bboltstore

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	checkrein "github.com/checkrein/checkrein/go"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// pageBytes ends a page of a scan, however few its entries are, so that large values do not fill the memory.
const pageBytes = 4 << 20

// Store is a bucket of a bbolt database as the store of a policy engine. It may be shared by goroutines.
//
// Each call is a transaction of its own, and what a write or a batch did is on disk when it returns, unless the
// database was opened with NoSync. So an operation of the engine must not be started inside a transaction of the same
// database: bbolt has one writer at a time, and it would wait for itself.
//
// Errors of bbolt can be asked for with [errors.Is]; the engine keeps them as the cause of a [checkrein.StoreError].
// Once the database is closed, that is one with the code "store_closed".
type Store struct {
	db     *bbolt.DB
	bucket []byte
}

var (
	_ checkrein.Store   = (*Store)(nil)
	_ checkrein.Scanner = (*Store)(nil)
	_ checkrein.Batcher = (*Store)(nil)
)

// New makes a store of a bucket at the top of the database, which is created where it is not there. The database stays
// the caller's: whoever opened it closes it.
func New(db *bbolt.DB, bucket []byte) (*Store, error) {
	if db == nil {
		return nil, errors.New("the bbolt database is nil: give one that `bbolt.Open` opened")
	}
	s := &Store{db: db, bucket: bytes.Clone(bucket)}
	// Mostly it is there already, and a database that is open for reading only has no writer.
	there := func(*bbolt.Bucket) error { return nil }
	err := s.read(there)
	if errors.Is(err, bbolterrors.ErrBucketNotFound) && !db.IsReadOnly() {
		err = db.Update(func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucketIfNotExists(s.bucket)
			return err
		})
		if err != nil {
			err = fmt.Errorf("the bucket `%s` cannot be created: %w", shown(s.bucket), err)
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Put sets a key to a value. bbolt keeps no empty key, and none longer than [bbolt.MaxKeySize], which is 32,768 bytes.
func (s *Store) Put(key, value []byte) error {
	return s.write(func(bucket *bbolt.Bucket) error { return put(bucket, key, value) })
}

// Get gives the value of a key as a copy: nil where there is none.
func (s *Store) Get(key []byte) (value []byte, err error) {
	err = s.read(func(bucket *bbolt.Bucket) error {
		if found := bucket.Get(key); found != nil {
			value = bytes.Clone(found)
		}
		return nil
	})
	return value, err
}

// Delete removes a key. That there was none is no error.
func (s *Store) Delete(key []byte) error {
	return s.write(func(bucket *bbolt.Bucket) error { return remove(bucket, key) })
}

// Scan gives a page of the bucket as copies, see [checkrein.Scanner]. A page ends after 4 MiB too. Buckets inside the
// bucket have no value and are passed over.
func (s *Store) Scan(prefix, after []byte, limit int) ([]checkrein.Pair, error) {
	if limit < 1 {
		return nil, fmt.Errorf("the limit of a page is %d: give 1 or more", limit)
	}
	var page []checkrein.Pair
	err := s.read(func(bucket *bbolt.Bucket) error {
		start := prefix
		if bytes.Compare(after, prefix) > 0 {
			start = after
		}
		cursor, size := bucket.Cursor(), 0
		key, value := cursor.Seek(start)
		if key != nil && bytes.Equal(key, after) {
			key, value = cursor.Next()
		}
		for ; key != nil && bytes.HasPrefix(key, prefix); key, value = cursor.Next() {
			if value == nil {
				continue
			}
			// bbolt's own memory is gone when the transaction ends.
			page = append(page, checkrein.Pair{Key: bytes.Clone(key), Value: bytes.Clone(value)})
			size += len(key) + len(value)
			if len(page) == limit || size >= pageBytes {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Batch makes all changes in one transaction, or none, see [checkrein.Batcher].
func (s *Store) Batch(ops []checkrein.BatchOp) error {
	return s.write(func(bucket *bbolt.Bucket) error {
		for at, op := range ops {
			var err error
			if op.Delete {
				err = remove(bucket, op.Key)
			} else {
				err = put(bucket, op.Key, op.Value)
			}
			if err != nil {
				return fmt.Errorf("change %d of %d: %w", at+1, len(ops), err)
			}
		}
		return nil
	})
}

func put(bucket *bbolt.Bucket, key, value []byte) error {
	err := bucket.Put(key, value)
	switch {
	case errors.Is(err, bbolterrors.ErrKeyRequired):
		return fmt.Errorf("the key is empty, and bbolt keeps none that is: give one byte or more: %w", err)
	case errors.Is(err, bbolterrors.ErrKeyTooLarge):
		return fmt.Errorf("the key has %d bytes, and bbolt keeps at most %d: %w", len(key), bbolt.MaxKeySize, err)
	}
	return incompatible(key, err)
}

func remove(bucket *bbolt.Bucket, key []byte) error {
	// There is no empty key to remove. bbolt must not be asked: its cursor's end looks like one.
	if len(key) == 0 {
		return nil
	}
	return incompatible(key, bucket.Delete(key))
}

// incompatible says it where a key is that of a bucket.
func incompatible(key []byte, err error) error {
	if errors.Is(err, bbolterrors.ErrIncompatibleValue) {
		return fmt.Errorf("`%s` is a bucket inside the bucket: choose another key: %w", shown(key), err)
	}
	return err
}

func (s *Store) read(run func(*bbolt.Bucket) error) error {
	return closed(s.db.View(func(tx *bbolt.Tx) error { return s.with(tx, run) }))
}

func (s *Store) write(run func(*bbolt.Bucket) error) error {
	return closed(s.db.Update(func(tx *bbolt.Tx) error { return s.with(tx, run) }))
}

// closed says it in the engine's words where the database was closed.
func closed(err error) error {
	if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
		return checkrein.NewStoreClosedError("the bbolt database is closed: open it again to use it", err)
	}
	return err
}

func (s *Store) with(tx *bbolt.Tx, run func(*bbolt.Bucket) error) error {
	bucket := tx.Bucket(s.bucket)
	if bucket == nil {
		err := bbolterrors.ErrBucketNotFound
		return fmt.Errorf("the bucket `%s` is not there: make the store again with `New`: %w", shown(s.bucket), err)
	}
	return run(bucket)
}

// shown is bytes as text for a message, its beginning where it is long.
func shown(name []byte) string {
	if len(name) > 60 {
		return strings.ToValidUTF8(string(name[:60]), "\uFFFD") + "…"
	}
	return strings.ToValidUTF8(string(name), "\uFFFD")
}

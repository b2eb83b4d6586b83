package checkrein

// #include <checkrein.h>
// #cgo noescape cr_database_get
// #cgo nocallback cr_database_get
// #cgo noescape cr_database_put
// #cgo nocallback cr_database_put
// #cgo noescape cr_database_delete
// #cgo nocallback cr_database_delete
import "C"

import (
	"runtime"
	"unsafe"
)

// Durability says when an acknowledged write is safe from a loss of power.
type Durability string

const (
	// DurabilitySync: once it is acknowledged; the default.
	DurabilitySync Durability = "sync"
	// DurabilityRelaxed: later, within a second of further writes, at Flush and at Close.
	DurabilityRelaxed Durability = "relaxed"
)

// DatabaseOption is a setting of [Open].
type DatabaseOption func(*databaseOptions)

type databaseOptions struct {
	durability Durability
	check      bool
	cacheBytes uint64
}

// WithDurability says when an acknowledged write is safe. Default: [DurabilitySync].
func WithDurability(durability Durability) DatabaseOption {
	return func(options *databaseOptions) { options.durability = durability }
}

// WithCheck reads the whole file and verifies every checksum when it is opened.
func WithCheck() DatabaseOption {
	return func(options *databaseOptions) { options.check = true }
}

// WithCacheBytes bounds the memory for pages of the file. Default: 64 MiB.
func WithCacheBytes(bytes uint64) DatabaseOption {
	return func(options *databaseOptions) { options.cacheBytes = bytes }
}

// Database is the embedded store: a directory, ordered, crash-safe, each acknowledged write durable unless told
// otherwise, one process; also in memory. Its own methods go past every hook and limit: give agents a [PolicyEngine].
type Database struct{ native *C.cr_database }

// Open opens the database in a directory; directory and file are created where they are missing.
//
// Errors: [*StoreError] (locked, damaged, full), [*ConfigError] for a bad option.
func Open(path string, options ...DatabaseOption) (*Database, error) {
	settings := databaseOptions{durability: DurabilitySync}
	for _, option := range options {
		option(&settings)
	}
	native := C.cr_database_options{size: C.sizeof_cr_database_options, cache_bytes: C.size_t(settings.cacheBytes)}
	switch settings.durability {
	case DurabilitySync:
		native.durability = C.CR_DURABILITY_SYNC
	case DurabilityRelaxed:
		native.durability = C.CR_DURABILITY_RELAXED
	default:
		return nil, configErrorf("the durability `%s` is not known: write `sync` or `relaxed`", settings.durability)
	}
	if settings.check {
		native.check = 1
	}
	db := &Database{}
	chars, length := charsOf(path)
	var failure *C.cr_error
	if C.cr_database_open(chars, length, &native, &db.native, &failure) != C.CR_OK {
		return nil, errorOf(failure, nil)
	}
	return db.tracked(), nil
}

// OpenMemory makes an empty database in memory; its data is gone with it.
func OpenMemory() *Database {
	db := &Database{}
	var failure *C.cr_error
	if C.cr_database_memory(&db.native, &failure) != C.CR_OK {
		panic(errorOf(failure, nil))
	}
	return db.tracked()
}

func (db *Database) tracked() *Database {
	native := db.native
	track(db, func() { C.cr_database_free(native) })
	return db
}

// Get gives the value of a key: nil where there is none, a slice that is not nil where it is empty.
func (db *Database) Get(key []byte) ([]byte, error) {
	if db == nil {
		return nil, noDatabase()
	}
	address, length := bytesOf(key)
	var value *C.uint8_t
	var valueLength C.size_t
	var failure *C.cr_error
	status := C.cr_database_get(db.native, address, length, &value, &valueLength, &failure)
	runtime.KeepAlive(db)
	if status != C.CR_OK {
		return nil, errorOf(failure, nil)
	}
	return taken(value, valueLength), nil
}

// Put sets a key to a value.
func (db *Database) Put(key, value []byte) error {
	if db == nil {
		return noDatabase()
	}
	address, length := bytesOf(key)
	valueAddress, valueLength := bytesOf(value)
	var failure *C.cr_error
	status := C.cr_database_put(db.native, address, length, valueAddress, valueLength, &failure)
	runtime.KeepAlive(db)
	return statusError(status, failure)
}

// Delete removes a key. That there was none is no error.
func (db *Database) Delete(key []byte) error {
	if db == nil {
		return noDatabase()
	}
	address, length := bytesOf(key)
	var failure *C.cr_error
	status := C.cr_database_delete(db.native, address, length, &failure)
	runtime.KeepAlive(db)
	return statusError(status, failure)
}

// Scan gives a page: entries whose keys begin with prefix and are greater than after (nil: from the start), in
// ascending order of their bytes, at most limit, and fewer where that is a better page. Go on with the last key as the
// next after, until a page is empty.
//
// Errors: [*UsageError] for a limit below 1; those of the store.
func (db *Database) Scan(prefix, after []byte, limit int) ([]Pair, error) {
	if db == nil {
		return nil, noDatabase()
	}
	address, length := bytesOf(prefix)
	afterAddress, afterLength := optionalBytes(after)
	var page *C.cr_page
	var failure *C.cr_error
	status := C.cr_database_scan(
		db.native, address, length, afterAddress, afterLength, C.size_t(max(limit, 0)), &page, &failure)
	runtime.KeepAlive(db)
	if status != C.CR_OK {
		return nil, errorOf(failure, nil)
	}
	defer C.cr_page_free(page)
	pairs := make([]Pair, page.len)
	for at, pair := range unsafe.Slice(page.pairs, page.len) {
		pairs[at] = pairOf(pair.key, pair.key_len, pair.value, pair.value_len)
	}
	return pairs, nil
}

// Batch makes several changes in their order, all or none: see [Batcher].
func (db *Database) Batch(ops []BatchOp) error {
	if db == nil {
		return noDatabase()
	}
	size := 1
	for _, op := range ops {
		size += len(op.Key) + len(op.Value)
	}
	// One copy of all bytes, that stays in place while the library reads it.
	all := make([]byte, 0, size)
	native := make([]C.cr_op, max(len(ops), 1))
	var pinned runtime.Pinner
	defer pinned.Unpin()
	pinned.Pin(&all[:1][0])
	pinned.Pin(&native[0])
	place := func(bytes []byte) (*C.uint8_t, C.size_t) {
		start := len(all)
		all = append(all, bytes...)
		return (*C.uint8_t)(unsafe.Pointer(&all[:start+1][start])), C.size_t(len(bytes))
	}
	for at, op := range ops {
		native[at].kind = C.CR_DELETE
		native[at].key, native[at].key_len = place(op.Key)
		if !op.Delete {
			native[at].kind = C.CR_WRITE
			native[at].value, native[at].value_len = place(op.Value)
		}
	}
	var failure *C.cr_error
	status := C.cr_database_batch(db.native, &native[0], C.size_t(len(ops)), &failure)
	runtime.KeepAlive(db)
	return statusError(status, failure)
}

// Flush makes every write acknowledged so far durable; of use with [DurabilityRelaxed].
func (db *Database) Flush() error {
	if db == nil {
		return noDatabase()
	}
	var failure *C.cr_error
	status := C.cr_database_flush(db.native, &failure)
	runtime.KeepAlive(db)
	return statusError(status, failure)
}

// Close closes the database for everybody who uses it: later calls fail with [ErrStoreClosed], and the directory may be
// opened again. Closing twice is no error.
func (db *Database) Close() error {
	if db == nil {
		return nil
	}
	var failure *C.cr_error
	status := C.cr_database_close(db.native, &failure)
	runtime.KeepAlive(db)
	return statusError(status, failure)
}

func noDatabase() error {
	return configErrorf("the database is nil: look at the error of `Open`")
}

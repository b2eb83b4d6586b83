package checkrein

// Store is a key-value store of the user's, or a [*Database]. Its methods may be called by several goroutines at once,
// and must not keep or change the slices they are given.
//
// An error of Checkrein comes out of the engine as itself; any other becomes the cause of a [*StoreError]. A method
// that panics has failed.
type Store interface {
	// Put sets a key to a value. After it returned, Get gives the new value.
	Put(key, value []byte) error
	// Get gives the value of a key: nil where there is none, a slice that is not nil where it is empty.
	Get(key []byte) ([]byte, error)
	// Delete removes a key. That there was none is no error.
	Delete(key []byte) error
}

// Pair is an entry of a store.
type Pair struct{ Key, Value []byte }

// Scanner is what a [Store] may offer beside its three methods: to be read in order. The rules of a [Store] hold for
// it too.
type Scanner interface {
	// Scan gives a page: entries whose keys begin with prefix and are greater than after, in ascending order of their
	// bytes, at most limit of them, which is 1 or more. A nil after means from the start; an empty prefix means every
	// key. Fewer than limit may come at any time; only an empty page ends the scan. What it gives must not change
	// afterwards.
	//
	// The next page is asked for with the last key of the one before as after, so nothing has to be kept between two
	// calls, and a scan that nobody goes on with needs no closing.
	Scan(prefix, after []byte, limit int) ([]Pair, error)
}

// BatchOp is one change of a batch: it sets Key to Value, or, where Delete is set, removes Key.
type BatchOp struct {
	// Delete removes the key; Value is not looked at then.
	Delete bool
	Key    []byte
	Value  []byte
}

// Batcher is what a [Store] may offer beside its three methods: to make several changes at once. The rules of a [Store]
// hold for it too.
type Batcher interface {
	// Batch makes all changes in their order, or none of them: after an error, and whenever the process dies, every key
	// is as it was. Who reads meanwhile sees all of them or none. Of two changes to one key the later holds; that there
	// was nothing to remove is no error, and neither is an empty batch.
	Batch(ops []BatchOp) error
}

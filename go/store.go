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

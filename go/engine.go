package checkrein

// #include <checkrein.h>
import "C"

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// PolicyEngine stands between a program and its store: every read, write, delete and scan is judged by the hooks and
// limits. It may be shared by goroutines, and be used from inside its hooks.
type PolicyEngine struct {
	// Nothing once it is closed. Operations hold what they have loaded, and the collector frees it after the last.
	native atomic.Pointer[nativeEngine]
	// Why it cannot be used at all: the store was none.
	unusable error
}

// nativeEngine is the core's engine, and what the core asks of Go.
type nativeEngine struct {
	engine *C.cr_engine
	// The store, where it is not the embedded database.
	store Store
	// What the core knows by number: hooks, and loggers. Each is here before the core knows the number, until the core
	// says that no operation can ask for it any more.
	callables sync.Map
	lastID    atomic.Uint64
	// How many callables were removed and have not been let go.
	removed atomic.Int64
	sinks   sinkCount
}

// EngineOption is a setting of [NewPolicyEngine].
type EngineOption func(*engineOptions)

type engineOptions struct {
	clock    *ManualClock
	maxOpen  int
	required []string
	mode     Mode
	document *PolicyDocument
	// The first setting that cannot be.
	fault error
}

func (o *engineOptions) refuse(fault error) {
	if o.fault == nil {
		o.fault = fault
	}
}

// WithClock reads the time from a clock that a test moves. Default: the machine's.
func WithClock(clock *ManualClock) EngineOption {
	return func(options *engineOptions) {
		if clock == nil || clock.native == nil {
			options.refuse(configErrorf("the clock is none: make one with `NewManualClock`"))
		}
		options.clock = clock
	}
}

// WithMaxOpenOperations bounds how many operations may have gone out to hooks at once. Default: 10,000.
func WithMaxOpenOperations(most int) EngineOption {
	return func(options *engineOptions) {
		if most < 1 {
			options.refuse(configErrorf("`max_open_operations` is %d: give 1 or more, or leave it out", most))
		}
		options.maxOpen = most
	}
}

// Mode says whether refusals are enforced.
type Mode string

const (
	// Enforce: what is refused does not happen.
	Enforce Mode = "enforce"
	// Shadow: nothing is refused by a hook, a limit or a requirement; the audit ("would_deny") and a warning say what
	// would have been. For trying a policy out.
	Shadow Mode = "shadow"
)

// WithMode says whether refusals are enforced. Default: [Enforce].
func WithMode(mode Mode) EngineOption {
	return func(options *engineOptions) {
		if mode != Enforce && mode != Shadow {
			options.refuse(configErrorf("the mode `%s` is not known: write `enforce` or `shadow`", mode))
		}
		options.mode = mode
	}
}

// WithRequireContext refuses every operation whose context lacks one of these names, or holds nothing under it.
func WithRequireContext(names ...string) EngineOption {
	return func(options *engineOptions) { options.required = append(options.required, names...) }
}

// WithDocument begins with the hooks, limits and audit of a policy document; [PolicyEngine.Reload] puts another one in
// its place.
func WithDocument(document *PolicyDocument) EngineOption {
	return func(options *engineOptions) {
		if document == nil || document.native == nil {
			options.refuse(noDocument())
		}
		options.document = document
	}
}

// NewPolicyEngine makes an engine over a store: a [*Database], or one of the user's. It gives one value only, so an
// engine that cannot be made, as over the nil of an Open whose error was ignored, is one that refuses every operation
// with that error; [PolicyEngine.Err] gives it.
func NewPolicyEngine(store Store, options ...EngineOption) *PolicyEngine {
	policy := &PolicyEngine{}
	native, err := newNativeEngine(store, options)
	if err != nil {
		policy.unusable = err
		return policy
	}
	policy.native.Store(native)
	return policy
}

func newNativeEngine(store Store, options []EngineOption) (*nativeEngine, error) {
	var settings engineOptions
	for _, option := range options {
		option(&settings)
	}
	if settings.fault != nil {
		return nil, settings.fault
	}
	native := C.cr_engine_options{
		size:                C.sizeof_cr_engine_options,
		max_open_operations: C.size_t(settings.maxOpen),
	}
	if settings.clock != nil {
		native.clock = settings.clock.native
	}
	if settings.document != nil {
		native.document = settings.document.native
	}
	if settings.mode == Shadow {
		native.mode = C.CR_MODE_SHADOW
	}
	var pinned runtime.Pinner
	defer pinned.Unpin()
	native.require_context, native.require_context_len = pinnedTexts(&pinned, settings.required)
	made := &nativeEngine{}
	var failure *C.cr_error
	var status C.cr_status
	switch store := store.(type) {
	case nil:
		return nil, configErrorf("the store is nil: give a Database, or a type with Put, Get and Delete")
	case *Database:
		if store == nil {
			return nil, noDatabase()
		}
		status = C.cr_engine_new(store.native, &native, &made.engine, &failure)
	default:
		made.store = store
		if _, can := store.(Scanner); can {
			native.store_can |= C.CR_STORE_CAN_SCAN
		}
		if _, can := store.(Batcher); can {
			native.store_can |= C.CR_STORE_CAN_BATCH
		}
		status = C.cr_engine_new_in_steps(&native, &made.engine, &failure)
	}
	runtime.KeepAlive(store)
	runtime.KeepAlive(settings.clock)
	runtime.KeepAlive(settings.document)
	if status != C.CR_OK {
		return nil, errorOf(failure, nil)
	}
	engine := made.engine
	track(made, func() { C.cr_engine_free(engine) })
	return made, nil
}

// Close lets the engine go: later operations are refused with a [*UsageError], those under way end well. The store
// stays open. Closing twice is no error.
func (p *PolicyEngine) Close() error {
	p.native.Store(nil)
	return nil
}

// Err gives the error that refuses every operation: that of an engine that could not be made, that is closed, or of a
// registration that failed and was not cleared. nil where there is none.
func (p *PolicyEngine) Err() error {
	native, err := p.use()
	if err != nil {
		return err
	}
	var found, failure *C.cr_error
	status := C.cr_engine_registration_error(native.engine, &found, &failure)
	runtime.KeepAlive(native)
	if status != C.CR_OK {
		return errorOf(failure, nil)
	}
	if found == nil {
		return nil
	}
	return errorOf(found, nil)
}

// ClearRegistrationErrors lets operations pass again after a registration that failed, and gives the error that was
// cleared; nil where there was none.
func (p *PolicyEngine) ClearRegistrationErrors() error {
	native, err := p.use()
	if err != nil {
		return nil
	}
	var cleared, failure *C.cr_error
	status := C.cr_engine_clear_registration_errors(native.engine, &cleared, &failure)
	runtime.KeepAlive(native)
	if status != C.CR_OK {
		return errorOf(failure, nil)
	}
	if cleared == nil {
		return nil
	}
	return errorOf(cleared, nil)
}

// pinnedTexts gives texts as the library reads them; they stay in place until the pins are pulled.
func pinnedTexts(pinned *runtime.Pinner, texts []string) (*C.cr_str, C.size_t) {
	if len(texts) == 0 {
		return nil, 0
	}
	all := make([]C.cr_str, len(texts))
	for at, text := range texts {
		// A copy, for the text may lie where nothing can be pinned; and with room, so that it is never none.
		chars := append(slices.Grow([]byte{}, len(text)+1), text...)
		first := &chars[:1][0]
		pinned.Pin(first)
		all[at] = C.cr_str{data: (*C.char)(unsafe.Pointer(first)), len: C.size_t(len(text))}
	}
	pinned.Pin(&all[0])
	return &all[0], C.size_t(len(all))
}

// use gives the core's engine, or why there is none.
func (p *PolicyEngine) use() (*nativeEngine, error) {
	tellNotices()
	if native := p.native.Load(); native != nil {
		return native, nil
	}
	if p.unusable != nil {
		return nil, p.unusable
	}
	return nil, usageErrorf("the policy engine is closed: make a new one")
}

// remember makes the engine refuse every operation with an error, as a registration that failed does.
func (e *nativeEngine) remember(err error) error {
	if own, ok := ownError(err); ok {
		if fault := nativeError(own); fault != nil {
			C.cr_engine_remember_error(e.engine, fault, nil)
			C.cr_error_free(fault)
		}
	}
	runtime.KeepAlive(e)
	return err
}

// collect lets go of the callables that no operation can ask for any more.
func (e *nativeEngine) collect() {
	var ids [64]C.uint64_t
	for e.removed.Load() > 0 {
		count := int(C.cr_engine_take_released(e.engine, &ids[0], C.size_t(len(ids))))
		for _, id := range ids[:count] {
			e.callables.Delete(uint64(id))
		}
		e.removed.Add(-int64(count))
		if count < len(ids) {
			break
		}
	}
	runtime.KeepAlive(e)
}

// openOperations is how many operations have gone out to hooks.
func (e *nativeEngine) openOperations() int {
	count := int(C.cr_engine_open_operations(e.engine))
	runtime.KeepAlive(e)
	return count
}

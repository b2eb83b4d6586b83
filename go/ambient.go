package checkrein

import (
	"context"
	"fmt"
	"maps"
)

// The keys of what a context.Context carries for this package.
type (
	ambientKey struct{}
	depthKey   struct{}
)

// WithContext gives a context whose fields hold for every operation that is started with it ([PolicyEngine.PutContext]
// and the like): whoever is handed it acts in that name, in another goroutine too. What an operation is told itself
// comes before them, field by field; nil there says nothing, so the field stays. Fields of a context that ctx comes
// from stay where fields has no other value for them. fields are copied, and checked when an operation starts.
func WithContext(ctx context.Context, fields Fields) context.Context {
	outer := ambient(ctx)
	all := make(Fields, len(outer)+len(fields))
	maps.Copy(all, outer)
	for name, value := range fields {
		if value != nil {
			all[name] = value
		}
	}
	return context.WithValue(ctx, ambientKey{}, all)
}

// ambient gives the fields that a context carries. Nobody changes them.
func ambient(ctx context.Context) Fields {
	if ctx == nil {
		return nil
	}
	fields, _ := ctx.Value(ambientKey{}).(Fields)
	return fields
}

// packWith packs what a caller says, and what its context carries beside.
func packWith(into []byte, ctx context.Context, said any) []byte {
	into = pack(into, said)
	for name, value := range ambient(ctx) {
		if !says(said, name) {
			into = packField(into, name, value)
		}
	}
	return into
}

// says is whether a caller says something under a name.
func says(said any, name string) bool {
	switch said := said.(type) {
	case map[string]string:
		_, is := said[name]
		return is
	case Fields:
		return said[name] != nil
	case map[string]any:
		return said[name] != nil
	}
	return false
}

// depthIn is how deep in hooks the operations stand that are started with a context: a hook's own carries it, so that
// it holds in the goroutines that the hook starts too.
func depthIn(ctx context.Context) uint32 {
	depth, _ := ctx.Value(depthKey{}).(uint32)
	return depth
}

// cancelled says why nobody waits for an operation any more; nil where somebody does.
func cancelled(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && cause != err {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

package checkrein

import (
	"errors"
	"fmt"
	"reflect"
)

// PanicError is what a hook, store or logger of the host failed with when it panicked. Where it panicked with an
// error, Unwrap gives that very error.
type PanicError struct {
	// Value is what it panicked with.
	Value any
	// Stack is the stack of the goroutine at that moment, as runtime/debug.Stack formats it.
	Stack []byte
}

// Error shows the panic's value.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the error that it panicked with; nil where the value is no error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// typeName is the type of a foreign error as the audit tells it: never its message.
func typeName(err error) string {
	if panicked, ok := err.(*PanicError); ok {
		return fmt.Sprintf("%T", panicked.Value)
	}
	return fmt.Sprintf("%T", err)
}

// ownError gives the error of Checkrein in an error's chain. A nil pointer to one says nothing, and is none.
func ownError(err error) (Error, bool) {
	var own Error
	if !errors.As(err, &own) || reflect.ValueOf(own).IsNil() {
		return nil, false
	}
	return own, true
}

package checkrein

// #include <checkrein.h>
import "C"

import "runtime"

// PolicyDocument is a policy in a file: hooks, limits and audit, read and checked. It may be used for several engines.
type PolicyDocument struct{ native *C.cr_document }

// Load reads and checks a policy document; its ending says the format: .yaml, .yml, .json or .toml. docs/documents.md
// tells what stands in it.
//
// Errors: [*ConfigError] with every problem that was found: file, line, column and the offending line.
func Load(path string) (*PolicyDocument, error) {
	document := &PolicyDocument{}
	chars, length := charsOf(path)
	var failure *C.cr_error
	if C.cr_document_load(chars, length, &document.native, &failure) != C.CR_OK {
		return nil, errorOf(failure, nil)
	}
	return document.tracked(), nil
}

// ParseDocument checks a policy document that is at hand. format is "yaml", "json" or "toml"; name stands for the file
// in messages. Errors as for [Load].
func ParseDocument(text []byte, format, name string) (*PolicyDocument, error) {
	document := &PolicyDocument{}
	chars, length := charsOf(string(text))
	formatAt, formatLength := charsOf(format)
	nameAt, nameLength := charsOf(name)
	var failure *C.cr_error
	status := C.cr_document_parse(
		chars, length, formatAt, formatLength, nameAt, nameLength, &document.native, &failure)
	if status != C.CR_OK {
		return nil, errorOf(failure, nil)
	}
	return document.tracked(), nil
}

func (d *PolicyDocument) tracked() *PolicyDocument {
	native := d.native
	track(d, func() { C.cr_document_free(native) })
	return d
}

// Reload puts a document in the place of the one before, in one step: an operation sees all of the old one or all of
// the new one. The program's own hooks, limits and sinks stay, and so does what is left in the buckets of limits that
// both documents declare alike.
//
// Errors: [*ConfigError] for a document with nothing for a policy engine, and for an audit file that cannot be opened;
// then everything is as it was. [*StoreError] where the old document's audit file could not be written out; the new one
// holds.
func (p *PolicyEngine) Reload(document *PolicyDocument) error {
	native, err := p.use()
	if err != nil {
		return err
	}
	if document == nil || document.native == nil {
		return noDocument()
	}
	var failure *C.cr_error
	status := C.cr_engine_reload(native.engine, document.native, &failure)
	runtime.KeepAlive(document)
	runtime.KeepAlive(native)
	return statusError(status, failure)
}

func noDocument() error {
	return configErrorf("the policy document is nil: look at the error of `Load`")
}

package checkrein

// #include <checkrein.h>
//
// // Flat, so that no Go memory holds a pointer to other Go memory.
// static cr_status go_add_audit_file(const cr_engine *engine, const char *path, size_t path_len, int32_t strict,
//                                    const char *fsync, size_t fsync_len, const uint8_t *key, size_t key_len,
//                                    uint64_t rotate_bytes, uint32_t given, uint64_t *handle, cr_audit_file **file,
//                                    cr_error **error) {
//     cr_audit_file_options options = {0};
//     options.size = sizeof options;
//     options.given = given;
//     options.strict = strict;
//     options.fsync = fsync_len > 0 ? fsync : NULL;
//     options.fsync_len = fsync_len;
//     options.hmac_key = key;
//     options.hmac_key_len = key_len;
//     options.rotate_bytes = rotate_bytes;
//     return cr_engine_add_audit_file(engine, path, path_len, &options, handle, file, error);
// }
//
// static cr_status go_verify_audit(const char *path, size_t path_len, const uint8_t *key, size_t key_len,
//                                  const char *head, size_t head_len, const char *after, size_t after_len,
//                                  uint8_t **json, size_t *json_len, cr_error **error) {
//     cr_verify_options options = {0};
//     options.size = sizeof options;
//     options.hmac_key = key;
//     options.hmac_key_len = key_len;
//     options.head = head_len > 0 ? head : NULL;
//     options.head_len = head_len;
//     options.after = after_len > 0 ? after : NULL;
//     options.after_len = after_len;
//     return cr_verify_audit(path, path_len, &options, json, json_len, error);
// }
import "C"

import (
	"encoding/json"
	"runtime"
)

// Fsync says when what was written to an audit file is synced to the disk.
type Fsync string

const (
	// FsyncInterval: from time to time; the default.
	FsyncInterval Fsync = "interval"
	// FsyncNever: when the system sees fit.
	FsyncNever Fsync = "never"
	// FsyncAlways: with every write.
	FsyncAlways Fsync = "always"
)

// NeverRotate as RotateBytes keeps one file, however large it grows.
const NeverRotate int64 = -1

// AuditFileOptions says which file the audit is written to, and how. A field left zero has its default.
type AuditFileOptions struct {
	// Path is the file; one that is there is written on. {pid} in it stands for the number of the process.
	Path string
	// Strict refuses an operation whose line cannot be brought to the disk before the store is asked.
	Strict bool
	// Fsync is when what was written is synced. Default: [FsyncInterval].
	Fsync Fsync
	// HMACKey is the key of the chain, of 16 bytes or more; without one, the chain is of plain hashes. Copied.
	HMACKey []byte
	// RotateBytes is the size that a file is not to pass: the chain goes on in a new one. Default: 64 MiB;
	// [NeverRotate].
	RotateBytes int64
}

// AuditFile is a file of the audit: JSON lines, each with the hash of the one before.
type AuditFile struct {
	sink   SinkHandle
	native *C.cr_audit_file
}

// AuditHead is the last line of a chain. Kept elsewhere, it shows later whether lines were cut off at the end.
type AuditHead struct {
	// Sequence is the line's number; 0 where there is none yet.
	Sequence uint64
	// Text is number and hash, as [VerifyOptions] takes them.
	Text string
}

// AddAuditFile writes every entry of the audit to a file too; the audit is turned on where it is off. The engine keeps
// the file open until it is removed ([PolicyEngine.RemoveAuditSink]) or closed. The error may be ignored: it is
// remembered, as for hooks.
//
// Errors: [*ConfigError] for settings that cannot be and a directory that is not there; [*StoreError] for a file that
// another handle has open, that is no audit file, or whose last line does not verify.
func (p *PolicyEngine) AddAuditFile(options AuditFileOptions) (*AuditFile, error) {
	native, err := p.use()
	if err != nil {
		return nil, err
	}
	rotate, given := C.uint64_t(options.RotateBytes), C.uint32_t(0)
	switch {
	case options.RotateBytes == NeverRotate:
		rotate, given = 0, C.CR_AUDIT_FILE_ROTATE_BYTES
	case options.RotateBytes < 0:
		return nil, native.remember(
			configErrorf("`rotate_bytes` is %d: give a size, or `NeverRotate`", options.RotateBytes))
	}
	file := &AuditFile{sink: SinkHandle{policy: p}}
	path, pathLength := charsOf(options.Path)
	fsync, fsyncLength := charsOf(string(options.Fsync))
	key, keyLength := optionalBytes(options.HMACKey)
	var failure *C.cr_error
	status := C.go_add_audit_file(
		native.engine, path, pathLength, flag(options.Strict), fsync, fsyncLength, key, keyLength, rotate, given,
		&file.sink.id, &file.native, &failure)
	tellNotices()
	if status != C.CR_OK {
		return nil, native.remember(errorOf(failure, nil))
	}
	runtime.KeepAlive(native)
	kept := file.native
	track(file, func() { C.cr_audit_file_free(kept) })
	return file, nil
}

// Head is the last line that was written. What waits to be written is not in it: Flush first where that matters.
func (f *AuditFile) Head() (AuditHead, error) {
	if f == nil {
		return AuditHead{}, noAuditFile()
	}
	var head C.cr_audit_head
	var failure *C.cr_error
	status := C.cr_audit_file_head(f.native, &head, &failure)
	runtime.KeepAlive(f)
	if status != C.CR_OK {
		return AuditHead{}, errorOf(failure, nil)
	}
	text := C.GoStringN(&head.text[0], C.int(head.text_len))
	return AuditHead{Sequence: uint64(head.sequence), Text: text}, nil
}

// Lost is how many entries could not be kept so far, because the file could not be written for long.
func (f *AuditFile) Lost() uint64 {
	if f == nil {
		return 0
	}
	lost := uint64(C.cr_audit_file_lost(f.native))
	runtime.KeepAlive(f)
	return lost
}

// Flush writes out what waits, and syncs it unless Fsync is [FsyncNever].
//
// Errors: [*StoreError] where that fails (what waits is kept), and once the file was closed.
func (f *AuditFile) Flush() error {
	if f == nil {
		return noAuditFile()
	}
	var failure *C.cr_error
	status := C.cr_audit_file_flush(f.native, &failure)
	runtime.KeepAlive(f)
	tellNotices()
	return statusError(status, failure)
}

// Close writes out what waits, ends the file with a line that says so, and unlocks it. Closing twice is no error. An
// engine that still has it as a sink cannot write it any more: remove it first.
//
// Errors: [*StoreError] where not everything could be written; it is closed nevertheless.
func (f *AuditFile) Close() error {
	if f == nil {
		return nil
	}
	var failure *C.cr_error
	status := C.cr_audit_file_close(f.native, &failure)
	runtime.KeepAlive(f)
	tellNotices()
	return statusError(status, failure)
}

// Err is nil: what failed has no file.
func (f *AuditFile) Err() error {
	if f == nil {
		return noAuditFile()
	}
	return nil
}

func (f *AuditFile) handle() *SinkHandle {
	if f == nil {
		return nil
	}
	return &f.sink
}

func noAuditFile() error {
	return configErrorf("the audit file is nil: look at the error of `AddAuditFile`")
}

// VerifyOptions is what a chain is held against.
type VerifyOptions struct {
	// HMACKey is the key that it was written with; nil for plain hashes.
	HMACKey []byte
	// Head is the Text of an [AuditHead] that was kept elsewhere: the chain must hold that very line.
	Head string
	// After is the Text of the last line of the newest file that was archived and removed, where some were.
	After string
}

// AuditReport is what was found in a chain of audit files.
type AuditReport struct {
	// OK is whether the chain holds.
	OK bool `json:"ok"`
	// Segments, Lines and Events are how many files and lines there are, and how many of these tell of the file itself.
	Segments uint64 `json:"segments"`
	Lines    uint64 `json:"lines"`
	Events   uint64 `json:"events"`
	// FirstSequence is the number of the first line, Head the text of the last one's [AuditHead].
	FirstSequence uint64 `json:"first_sequence"`
	Head          string `json:"head"`
	// Repairs is how often a torn last line was mended, Lost how many entries could not be kept, TornBytes how much of
	// a torn last line there is now.
	Repairs   uint64 `json:"repairs"`
	Lost      uint64 `json:"lost"`
	TornBytes uint64 `json:"torn_bytes"`
	// Problem is the first thing that does not hold; nil where all does.
	Problem *AuditProblem `json:"problem"`
}

// AuditProblem is where a chain does not hold, and why.
type AuditProblem struct {
	// File is the file, Line the line in it; 0 is the file as a whole.
	File string `json:"file"`
	Line uint64 `json:"line"`
	// What is wrong.
	What string `json:"what"`
}

// VerifyAudit verifies the chain of which path is the current file. It may be written meanwhile. A chain that does not
// hold is no error: the report says so.
//
// Errors: [*StoreError] for what cannot be read, [*ConfigError] for a chain with a key where none is given,
// [*UsageError] for a head that is none.
func VerifyAudit(path string, options VerifyOptions) (AuditReport, error) {
	var report AuditReport
	chars, length := charsOf(path)
	key, keyLength := optionalBytes(options.HMACKey)
	head, headLength := charsOf(options.Head)
	after, afterLength := charsOf(options.After)
	var text *C.uint8_t
	var textLength C.size_t
	var failure *C.cr_error
	status := C.go_verify_audit(
		chars, length, key, keyLength, head, headLength, after, afterLength, &text, &textLength, &failure)
	if status != C.CR_OK {
		return report, errorOf(failure, nil)
	}
	if err := json.Unmarshal(taken(text, textLength), &report); err != nil {
		return report, &InternalError{message: "an audit report does not read: " + err.Error()}
	}
	return report, nil
}

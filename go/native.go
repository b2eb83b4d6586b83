package checkrein

// #cgo CFLAGS: -I${SRCDIR}/include
// #cgo linux,amd64 LDFLAGS: ${SRCDIR}/lib/linux_amd64/libcheckrein.a -lm -ldl -lpthread
// #cgo linux,arm64 LDFLAGS: ${SRCDIR}/lib/linux_arm64/libcheckrein.a -lm -ldl -lpthread
// #cgo darwin,amd64 LDFLAGS: ${SRCDIR}/lib/darwin_amd64/libcheckrein.a -lm
// #cgo darwin,arm64 LDFLAGS: ${SRCDIR}/lib/darwin_arm64/libcheckrein.a -lm
// #include <checkrein.h>
// #cgo noescape cr_abi_version_1
// #cgo nocallback cr_abi_version_1
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// liveHandles counts the core's objects that Go owns, so that a test can see that all are freed.
var liveHandles atomic.Int64

// track frees a native object when the Go object that owns it is gone. free must not refer to the owner.
func track[Owner any](owner *Owner, free func()) {
	liveHandles.Add(1)
	runtime.AddCleanup(owner, func(free func()) {
		free()
		liveHandles.Add(-1)
	}, free)
}

// abiVersion is the version of the library's ABI. The version is in the symbol's name too, so that another library
// does not link.
func abiVersion() uint32 { return uint32(C.cr_abi_version_1()) }

var _ = abiVersion()

// nothing is what empty bytes point to.
var nothing [1]byte

// bytesOf gives the address and length of bytes for a call. The caller keeps them alive by having them as a parameter.
func bytesOf(bytes []byte) (*C.uint8_t, C.size_t) {
	if len(bytes) == 0 {
		return (*C.uint8_t)(unsafe.Pointer(&nothing)), 0
	}
	return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(bytes))), C.size_t(len(bytes))
}

// optionalBytes gives the address and length of bytes for a call; nil has no address.
func optionalBytes(bytes []byte) (*C.uint8_t, C.size_t) {
	if bytes == nil {
		return nil, 0
	}
	return bytesOf(bytes)
}

// charsOf gives the address and length of a text for a call.
func charsOf(text string) (*C.char, C.size_t) {
	if len(text) == 0 {
		return (*C.char)(unsafe.Pointer(&nothing)), 0
	}
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text))
}

//go:build !cgo

package checkrein

// Checkrein's core is linked through cgo. This line does not compile, so that a build without cgo says why it fails.
var _ = checkrein_needs_cgo_set_CGO_ENABLED_to_1_and_install_a_C_compiler

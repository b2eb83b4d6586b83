// Package floor measures what the core itself costs: the same operations as the benchmarks', from a loop in C. What
// Go takes longer for is the binding's and the crossing's.
package floor

// #cgo CFLAGS: -O2 -I${SRCDIR}/../../include
// #cgo linux,amd64 LDFLAGS: ${SRCDIR}/../../lib/linux_amd64/libcheckrein.a -lm -ldl -lpthread
// #cgo linux,arm64 LDFLAGS: ${SRCDIR}/../../lib/linux_arm64/libcheckrein.a -lm -ldl -lpthread
// #cgo darwin,amd64 LDFLAGS: ${SRCDIR}/../../lib/darwin_amd64/libcheckrein.a -lm
// #cgo darwin,arm64 LDFLAGS: ${SRCDIR}/../../lib/darwin_arm64/libcheckrein.a -lm
// #include <checkrein.h>
// #include <stdio.h>
//
// static cr_engine *make_engine(int hooks) {
//     cr_database *database = NULL;
//     cr_engine *engine = NULL;
//     cr_database_memory(&database, NULL);
//     cr_engine_new(database, NULL, &engine, NULL);
//     cr_database_free(database);
//     for (int n = 0; n < hooks; n++) {
//         char keys[32];
//         snprintf(keys, sizeof keys, "system/%d/*", n);
//         cr_hook hook = cr_helper_deny_all();
//         cr_engine_before_write(engine, keys, CR_NUL, &hook, NULL, NULL);
//     }
//     return engine;
// }
//
// static int put_often(const cr_engine *engine, const uint8_t *key, size_t key_len, const uint8_t *value,
//                      size_t value_len, const uint8_t *packed, size_t packed_len, int64_t times) {
//     for (int64_t n = 0; n < times; n++) {
//         cr_step step;
//         step.size = sizeof step;
//         if (cr_operation_run(engine, CR_WRITE, CR_ASK_LOG, 0, key, key_len, value, value_len, packed, packed_len,
//                              NULL, 0, &step) != CR_OK) {
//             return 1;
//         }
//     }
//     return 0;
// }
import "C"

import "unsafe"

// Putting makes an engine with so many hooks that do not match, and a function that puts often. The engine is never
// freed.
func Putting(hooks int, key, value, packed []byte) func(times int) bool {
	engine := C.make_engine(C.int(hooks))
	packed = append(packed, 0)
	return func(times int) bool {
		return C.put_often(
			engine, address(key), C.size_t(len(key)), address(value), C.size_t(len(value)), address(packed),
			C.size_t(len(packed)-1), C.int64_t(times)) == 0
	}
}

func address(bytes []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(bytes))) }

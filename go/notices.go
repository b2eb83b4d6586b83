package checkrein

// #include <checkrein.h>
// #include <stdlib.h>
// #include <string.h>
//
// // What was said and is not told yet, the newest first. A stack without locks: it is put there by any thread, also
// // by one that is in the middle of a call from Go, so C must not call back into Go here.
// typedef struct go_notice {
//     struct go_notice *before;
//     size_t len;
//     char text[];
// } go_notice;
// static go_notice *go_newest;
// static int32_t go_waiting;
// enum { GO_MOST = 1000 };
//
// static int32_t go_hear(void *user_data, cr_log_level level, const char *message, size_t len) {
//     (void)user_data;
//     (void)level;
//     if (__atomic_load_n(&go_waiting, __ATOMIC_RELAXED) >= GO_MOST)
//         return 0;
//     go_notice *notice = malloc(sizeof *notice + len);
//     if (notice == NULL)
//         return 0;
//     notice->len = len;
//     memcpy(notice->text, message, len);
//     notice->before = __atomic_load_n(&go_newest, __ATOMIC_RELAXED);
//     while (!__atomic_compare_exchange_n(&go_newest, &notice->before, notice, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
//     }
//     __atomic_add_fetch(&go_waiting, 1, __ATOMIC_RELEASE);
//     return 1;
// }
//
// static int32_t *go_watch_notices(void) {
//     cr_logger logger = {0};
//     logger.size = sizeof logger;
//     logger.log = go_hear;
//     cr_set_notice_logger(&logger, NULL);
//     return &go_waiting;
// }
//
// // All of them, the oldest first.
// static go_notice *go_take_notices(void) {
//     go_notice *newest = __atomic_exchange_n(&go_newest, NULL, __ATOMIC_ACQUIRE), *oldest = NULL;
//     int32_t taken = 0;
//     while (newest != NULL) {
//         go_notice *before = newest->before;
//         newest->before = oldest;
//         oldest = newest;
//         newest = before;
//         taken++;
//     }
//     __atomic_sub_fetch(&go_waiting, taken, __ATOMIC_RELAXED);
//     return oldest;
// }
//
// static const char *go_notice_text(const go_notice *notice) { return notice->text; }
import "C"

import (
	"log/slog"
	"sync/atomic"
	"unsafe"
)

// noticesWaiting counts what the core said on its own (an audit file's torn end was cut off, it cannot be written,
// entries are lost) and nobody was told. It is C's, which hears it on any thread.
var noticesWaiting = (*int32)(unsafe.Pointer(C.go_watch_notices()))

// tellingNotices keeps what a logger does from telling again in the middle of it.
var tellingNotices atomic.Bool

// tellNotices tells [slog.Default] what waits, and costs a look at a number where nothing does. The next call that
// comes from Go does so: a goroutine that waits for notices would be there for ever.
func tellNotices() {
	if atomic.LoadInt32(noticesWaiting) > 0 {
		tellAllNotices()
	}
}

func tellAllNotices() {
	if !tellingNotices.CompareAndSwap(false, true) {
		return
	}
	defer tellingNotices.Store(false)
	for notice := C.go_take_notices(); notice != nil; {
		message := C.GoStringN(C.go_notice_text(notice), C.int(notice.len))
		next := notice.before
		C.free(unsafe.Pointer(notice))
		notice = next
		// What a logger fails with has nobody to go to.
		_ = nested(func() error {
			tell(nil, slog.LevelWarn, message)
			return nil
		})
	}
}

use std::sync::mpsc;

use super::*;
use crate::error::Error;

/// A queue whose first commit stands still until it is told to go on.
struct Held {
    queue: GroupCommit<usize>,
    commits: Mutex<Vec<Vec<usize>>>,
    begun: mpsc::Sender<()>,
    go_on: Mutex<mpsc::Receiver<Result<()>>>,
}

impl Held {
    fn new() -> (Self, mpsc::Receiver<()>, mpsc::Sender<Result<()>>) {
        let ((begun, has_begun), (go_on, may_go_on)) = (mpsc::channel(), mpsc::channel());
        let held = Held {
            queue: GroupCommit::new(),
            commits: Mutex::default(),
            begun,
            go_on: Mutex::new(may_go_on),
        };
        (held, has_begun, go_on)
    }

    fn submit(&self, write: usize, bytes: usize) -> Option<Result<()>> {
        self.queue.submit(write, bytes, |writes| {
            self.begun.send(()).unwrap();
            let outcome = self.go_on.lock().unwrap().recv().unwrap();
            self.commits.lock().unwrap().push(writes.to_vec());
            outcome
        })
    }

    fn wait_for_queued(&self, count: usize) {
        while self.queue.queued() < count {
            std::thread::yield_now();
        }
    }
}

#[test]
fn writers_that_come_during_a_commit_share_the_next_one() {
    let (held, begun, go_on) = Held::new();
    std::thread::scope(|scope| {
        scope.spawn(|| held.submit(0, 1).unwrap().unwrap());
        begun.recv().unwrap();
        for n in 1..=5 {
            let held = &held;
            scope.spawn(move || held.submit(n, 1).unwrap().unwrap());
        }
        held.wait_for_queued(5);
        go_on.send(Ok(())).unwrap();
        begun.recv().unwrap();
        go_on.send(Ok(())).unwrap();
    });
    let commits = held.commits.into_inner().unwrap();
    assert_eq!(commits.iter().map(Vec::len).collect::<Vec<_>>(), [1, 5]);
}

#[test]
fn an_error_goes_to_every_writer_of_the_group_with_its_cause() {
    let (held, begun, go_on) = Held::new();
    let full =
        Error::store("no", Some(crate::error::Cause::error("E", Box::new(std::io::Error::other("spun")))));
    std::thread::scope(|scope| {
        scope.spawn(|| held.submit(0, 1).unwrap().unwrap());
        begun.recv().unwrap();
        let others: Vec<_> =
            (1..=3).map(|n| (n, &held)).map(|(n, held)| scope.spawn(move || held.submit(n, 1))).collect();
        held.wait_for_queued(3);
        go_on.send(Ok(())).unwrap();
        begun.recv().unwrap();
        go_on.send(Err(full)).unwrap();
        for other in others {
            let error = other.join().unwrap().unwrap().unwrap_err();
            assert_eq!(error.to_string(), "no: spun");
        }
        // The queue goes on; whether that is wise, the caller decides.
        go_on.send(Ok(())).unwrap();
        held.submit(9, 1).unwrap().unwrap();
    });
}

#[test]
fn close_lets_what_is_queued_finish_and_takes_no_more() {
    let (held, begun, go_on) = Held::new();
    std::thread::scope(|scope| {
        scope.spawn(|| held.submit(0, 1).unwrap().unwrap());
        begun.recv().unwrap();
        scope.spawn(|| held.submit(1, MAX_GROUP_BYTES).unwrap().unwrap());
        held.wait_for_queued(1);
        // No room for this one before the queue is closed, or closed already when it comes.
        let late = scope.spawn(|| held.submit(2, 1));
        let closing = scope.spawn(|| held.queue.close());
        while !held.queue.lock().closed {
            std::thread::yield_now();
        }
        assert!(late.join().unwrap().is_none());
        go_on.send(Ok(())).unwrap();
        begun.recv().unwrap();
        go_on.send(Ok(())).unwrap();
        closing.join().unwrap();
        assert!(held.submit(3, 1).is_none());
    });
    held.queue.close();
    assert_eq!(held.commits.into_inner().unwrap(), [[0], [1]]);
}

#[test]
fn every_write_is_committed_once_in_the_order_of_its_thread_and_in_bounded_groups() {
    const THREADS: usize = 8;
    const WRITES: usize = 300;
    let queue = GroupCommit::new();
    let log = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (queue, log) = (&queue, &log);
            scope.spawn(move || {
                for n in 0..WRITES {
                    let bytes = (n * 7919 + thread) % (MAX_GROUP_BYTES / 2);
                    let commit = |writes: &[(usize, usize, usize)]| {
                        let bytes = writes.iter().map(|write| write.2).sum::<usize>();
                        assert!(writes.len() == 1 || bytes <= MAX_GROUP_BYTES);
                        // Never two at once.
                        log.try_lock().unwrap().extend_from_slice(writes);
                        Ok(())
                    };
                    queue.submit((thread, n, bytes), bytes, commit).unwrap().unwrap();
                }
            });
        }
    });
    let log = log.into_inner().unwrap();
    assert_eq!(log.len(), THREADS * WRITES);
    for thread in 0..THREADS {
        let own = log.iter().filter(|write| write.0 == thread).map(|write| write.1);
        assert!(own.eq(0..WRITES));
    }
}

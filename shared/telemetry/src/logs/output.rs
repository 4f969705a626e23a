//! Standard output, written in pieces: a system call for each line would be a good part of a request.
//!
//! Lines wait in a bounded buffer, a few milliseconds at most, for one thread that writes them. A warning or an error is
//! written at once, with all that waits in front of it, and so is everything when the buffer is full: nothing is dropped, and
//! the order stays. A process that is killed loses at most the last milliseconds of its INFO lines.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use tracing::Level;

/// How long lines are collected.
const PAUSE: Duration = Duration::from_millis(5);

/// Bytes that may wait.
const MOST: usize = 1 << 20;

static OUTPUT: Output = Output::new();
static WRITER: Once = Once::new();

struct Output {
    /// Held while something is written, and taken before `waiting`: that keeps the order.
    writing: Mutex<()>,
    waiting: Mutex<Vec<u8>>,
    more: Condvar,
}

/// Takes a line.
pub(super) fn write(line: &[u8], level: Level) {
    WRITER.call_once(|| {
        let writer = std::thread::Builder::new().name("logs".to_owned());
        // Without the thread each line waits for the buffer to fill: `OUTPUT` is then flushed at the end alone.
        if writer.spawn(|| OUTPUT.run()).is_err() {
            OUTPUT.flush(&mut std::io::stdout());
        }
    });
    if OUTPUT.take(line) || level <= Level::WARN {
        OUTPUT.flush(&mut std::io::stdout());
    }
}

/// Writes what waits. To be called before the process ends.
pub fn flush() {
    OUTPUT.flush(&mut std::io::stdout());
}

impl Output {
    const fn new() -> Self {
        Self {
            writing: Mutex::new(()),
            waiting: Mutex::new(Vec::new()),
            more: Condvar::new(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line; says whether the buffer is full.
    fn take(&self, line: &[u8]) -> bool {
        let mut waiting = self.waiting();
        let first = waiting.is_empty();
        waiting.extend_from_slice(line);
        let full = waiting.len() >= MOST;
        drop(waiting);
        // The writer only sleeps on this while nothing waits.
        if first {
            self.more.notify_one();
        }
        full
    }

    fn flush(&self, to: &mut impl Write) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = std::mem::take(&mut *self.waiting());
        if !lines.is_empty() {
            // Nobody is left to tell when standard output is gone.
            let _ = to.write_all(&lines);
            let _ = to.flush();
        }
    }

    fn run(&self) {
        loop {
            let mut waiting = self.waiting();
            while waiting.is_empty() {
                waiting = self
                    .more
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            drop(waiting);
            std::thread::sleep(PAUSE);
            self.flush(&mut std::io::stdout());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_and_in_order_from_many_threads() {
        let output = Output::new();
        let mut written = Vec::new();
        std::thread::scope(|threads| {
            for thread in 0..4 {
                let output = &output;
                threads.spawn(move || {
                    for number in 0..500 {
                        output.take(format!("{thread} {number}\n").as_bytes());
                    }
                });
            }
            for _ in 0..50 {
                output.flush(&mut written);
            }
        });
        output.flush(&mut written);
        let text = String::from_utf8(written).unwrap();
        let mut next = [0; 4];
        for line in text.lines() {
            let (thread, number) = line.split_once(' ').unwrap();
            let thread: usize = thread.parse().unwrap();
            assert_eq!(number, next[thread].to_string());
            next[thread] += 1;
        }
        assert_eq!(next, [500; 4]);
    }

    #[test]
    fn a_full_buffer_says_so() {
        let output = Output::new();
        assert!(!output.take(b"x\n"));
        assert!(output.take(&vec![b'x'; MOST]));
        output.flush(&mut Vec::new());
        assert!(!output.take(b"x\n"));
    }
}

//! A waiting room: what waits at the same moment is served together.
//!
//! Nobody waits for company. Whoever comes while a place at work is free is served at once; who comes while all are taken waits, and
//! the next place that gets free serves all who wait. So one alone loses no time, and the cost of each falls as the crowd grows.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mall_telemetry::trace::{self, TraceContext};

/// The room.
pub struct Room<J> {
    most: usize,
    places: usize,
    state: Mutex<State<J>>,
}

struct State<J> {
    waiting: VecDeque<(J, Option<TraceContext>)>,
    at_work: usize,
}

impl<J: Send + 'static> Room<J> {
    /// A room that is served by up to `places` tasks at a time, each taking up to `most` at once.
    pub fn new(most: usize, places: usize) -> Arc<Self> {
        Arc::new(Self {
            most: most.max(1),
            places: places.max(1),
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                at_work: 0,
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters. `serve` gets everybody who is to be served together, in a task of its own and within the trace of the first.
    pub fn enter<F>(self: &Arc<Self>, job: J, serve: impl Fn(Vec<J>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        {
            let mut state = self.state();
            state.waiting.push_back((job, trace::current()));
            if state.at_work == self.places {
                return;
            }
            state.at_work += 1;
        }
        let mut place = Place(Some(Arc::clone(self)));
        tokio::spawn(async move {
            loop {
                // Lets those come in who are ready to.
                tokio::task::yield_now().await;
                let Some((jobs, context)) = place.next() else {
                    return;
                };
                match context {
                    Some(context) => trace::scope(context, serve(jobs)).await,
                    None => serve(jobs).await,
                }
            }
        });
    }

    /// The next to be served; `None`: nobody waits, and the place is given up in the same moment.
    fn next(&self) -> Option<(Vec<J>, Option<TraceContext>)> {
        let mut state = self.state();
        if state.waiting.is_empty() {
            state.at_work -= 1;
            return None;
        }
        let some = state.waiting.len().min(self.most);
        let mut context = None;
        let jobs = state.waiting.drain(..some).map(|(job, of)| {
            context = context.take().or(of);
            job
        });
        Some((jobs.collect(), context))
    }
}

/// A place at work, until it is given up.
struct Place<J: Send + 'static>(Option<Arc<Room<J>>>);

impl<J: Send + 'static> Place<J> {
    fn next(&mut self) -> Option<(Vec<J>, Option<TraceContext>)> {
        let next = self.0.as_ref()?.next();
        if next.is_none() {
            self.0 = None;
        }
        next
    }
}

impl<J: Send + 'static> Drop for Place<J> {
    /// When the task died: nobody may be left waiting for it.
    fn drop(&mut self) {
        if let Some(room) = self.0.take() {
            let dropped = {
                let mut state = room.state();
                state.at_work -= 1;
                std::mem::take(&mut state.waiting)
            };
            drop(dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{Semaphore, oneshot};

    use super::*;

    type Job = (usize, oneshot::Sender<usize>);

    fn answer(jobs: Vec<Job>) {
        let count = jobs.len();
        for (_, answer) in jobs {
            let _ = answer.send(count);
        }
    }

    #[tokio::test]
    async fn whoever_waits_at_the_same_moment_is_served_together() {
        let (room, gate) = (Room::new(3, 1), Arc::new(Semaphore::new(0)));
        let mut answers = Vec::new();
        for number in 0..5 {
            let (sender, receiver) = oneshot::channel();
            let gate = Arc::clone(&gate);
            room.enter((number, sender), move |jobs: Vec<Job>| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await.unwrap().forget();
                    answer(jobs);
                }
            });
            answers.push(receiver);
            // The first is at work before the others come.
            while number == 0 && !room.state().waiting.is_empty() {
                tokio::task::yield_now().await;
            }
        }
        gate.add_permits(3);
        let mut sizes = Vec::new();
        for answer in answers {
            sizes.push(answer.await.unwrap());
        }
        assert_eq!(sizes, [1, 3, 3, 3, 1]);
        while room.state().at_work > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_task_that_dies_leaves_nobody_waiting() {
        static ROUNDS: AtomicUsize = AtomicUsize::new(0);
        let room = Room::new(1, 1);
        let mut answers = Vec::new();
        for number in 0..3 {
            let (sender, receiver) = oneshot::channel();
            room.enter((number, sender), |jobs: Vec<Job>| async move {
                assert!(ROUNDS.fetch_add(1, Ordering::Relaxed) > 0, "the first dies");
                answer(jobs);
            });
            answers.push(receiver);
        }
        for answer in answers {
            assert!(answer.await.is_err());
        }
        let (sender, receiver) = oneshot::channel();
        room.enter((9, sender), |jobs: Vec<Job>| async move { answer(jobs) });
        assert_eq!(receiver.await.unwrap(), 1);
    }
}

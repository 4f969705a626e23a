//! Which sessions were ended. Logging out ends a token at once, everywhere: the users service leaves a mark in Redis,
//! and the gateway looks for it before every call that needs a token. A Redis that has lost its marks has lost [`READY`]
//! too: until the users service has brought them again, nobody can tell.

use crate::messages;
use mall_problem::Problem;
use redis::aio::ConnectionManager;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// There while Redis holds the mark of every session that was ended.
const READY: &str = "mall:sessions:ready";

/// Questions in one message to Redis.
const MOST: usize = 256;
/// Questions that may wait; each waits no longer than its own time.
const QUEUE: usize = 4096;

/// Asks Redis. Nothing is remembered: each request asks anew, but those that ask at the same moment ask together, in one
/// message, so that a crowd costs Redis and us little more than one of them.
pub struct Sessions {
    questions: mpsc::Sender<Question>,
    timeout: Duration,
}

struct Question {
    session: String,
    answer: oneshot::Sender<Result<bool, Arc<str>>>,
}

impl Sessions {
    /// Must be called within a runtime; the work ends with the last of what asks.
    pub fn new(redis: ConnectionManager, timeout: Duration) -> Self {
        let (questions, asked) = mpsc::channel(QUEUE);
        tokio::spawn(ask(redis, timeout, asked));
        Self { questions, timeout }
    }

    /// 401 for an ended session; 503 when nobody can tell, because a stolen token must not live on a broken Redis.
    pub async fn check(&self, session: &str) -> Result<(), Problem> {
        let (answer, told) = oneshot::channel();
        let asking = async {
            let question = Question {
                session: format!("mall:ended:{session}"),
                answer,
            };
            self.questions.send(question).await.ok()?;
            told.await.ok()
        };
        match tokio::time::timeout(self.timeout, asking).await {
            Ok(Some(Ok(false))) => Ok(()),
            Ok(Some(Ok(true))) => Err(Problem::unauthenticated(
                "SESSION_ENDED",
                messages::SESSION_ENDED,
            )),
            Ok(Some(Err(why))) => Err(away().caused_by(why.to_string())),
            Ok(None) => Err(away().caused_by("nobody asks any more")),
            Err(late) => Err(away().caused_by(late)),
        }
    }
}

async fn ask(redis: ConnectionManager, timeout: Duration, mut asked: mpsc::Receiver<Question>) {
    let mut questions = Vec::with_capacity(MOST);
    while asked.recv_many(&mut questions, MOST).await > 0 {
        let mut redis = redis.clone();
        // One command, so that the marks are those of the moment at which they were complete.
        let mut question = redis::cmd("MGET");
        question.arg(READY);
        for Question { session, .. } in &questions {
            question.arg(session);
        }
        let asking = question.query_async::<Vec<Option<redis::Value>>>(&mut redis);
        let told = match tokio::time::timeout(timeout, asking).await {
            Ok(Ok(marks)) if marks.len() != questions.len() + 1 => {
                Err(Arc::from("Redis answered something else"))
            }
            Ok(Ok(marks)) if marks[0].is_none() => Err(Arc::from(
                "Redis does not know yet which sessions have ended",
            )),
            Ok(Ok(marks)) => Ok(marks),
            Ok(Err(error)) => Err(Arc::from(error.to_string())),
            Err(late) => Err(Arc::from(late.to_string())),
        };
        for (at, question) in questions.drain(..).enumerate() {
            let ended = match &told {
                Ok(marks) => Ok(marks[at + 1].is_some()),
                Err(why) => Err(Arc::clone(why)),
            };
            // Whoever does not wait any more does not need it.
            let _ = question.answer.send(ended);
        }
    }
}

fn away() -> Problem {
    Problem::unavailable("SESSION_CHECK_UNAVAILABLE", messages::SESSIONS_AWAY)
}

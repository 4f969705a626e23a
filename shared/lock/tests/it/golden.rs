//! What Redisson was seen to do, done by ours: call by call with the same answers, look by look with the same keys.
//!
//! A Java client is a process here, its thread an owner. A call that waited there waits here, between the same others.

use std::collections::HashMap;
use std::time::Duration;

use mall_lock::{Guard, LockError, Locks, Owner};
use redis::Value;
use tokio::task::JoinHandle;

use crate::support::{LONG, Redis};

/// One that calls: client and thread, and the lock.
type Who = (String, String);

enum Answer {
    Taken(Result<Guard, LockError>),
    Freed(bool),
}

struct Replay {
    redis: Redis,
    processes: HashMap<String, Locks>,
    owners: HashMap<String, Owner>,
    guards: HashMap<Who, Vec<Guard>>,
    running: HashMap<usize, JoinHandle<Answer>>,
}

impl Replay {
    fn locks(&mut self, client: &str) -> Locks {
        let fresh = self.redis.process();
        self.processes
            .entry(client.to_owned())
            .or_insert(fresh)
            .clone()
    }

    fn start(&mut self, line: usize, who: &Who, call: &[&str]) {
        let locks = self.locks(who.0.split(':').next().unwrap());
        let owner = self
            .owners
            .entry(who.0.clone())
            .or_insert_with(|| locks.owner())
            .clone();
        let (what, name) = (call[0].to_owned(), who.1.clone());
        let times: Vec<_> = call[2..]
            .iter()
            .map(|ms| Duration::from_millis(ms.parse().unwrap()))
            .collect();
        let guard = what
            .ends_with("unlock")
            .then(|| self.guards.get_mut(who).and_then(Vec::pop))
            .flatten();
        let task = async move {
            let request = owner.request(&name);
            match (what.as_str(), times.as_slice()) {
                ("trylock", [wait, lease]) => {
                    Answer::Taken(request.wait(*wait).lease(*lease).acquire().await)
                }
                ("trylock", [wait]) => Answer::Taken(request.wait(*wait).acquire().await),
                ("lock", []) => Answer::Taken(request.wait(LONG).acquire().await),
                ("fencedlock", [lease]) => {
                    Answer::Taken(request.wait(LONG).lease(*lease).fenced().acquire().await)
                }
                ("force", []) => Answer::Freed(locks.force_unlock(&name).await.unwrap()),
                // One that holds nothing has no guard to let go of.
                ("unlock" | "fencedunlock", []) => Answer::Freed(match guard {
                    Some(guard) => guard.release().await.unwrap(),
                    None => false,
                }),
                other => panic!("unknown call {other:?}"),
            }
        };
        self.running.insert(line, tokio::spawn(task));
    }

    async fn end(&mut self, line: usize, who: Who) -> &'static str {
        match self.running.remove(&line).unwrap().await.unwrap() {
            Answer::Taken(Ok(guard)) => {
                self.guards.entry(who).or_default().push(guard);
                "yes"
            }
            Answer::Taken(Err(LockError::Timeout)) => "no",
            Answer::Taken(Err(_)) => "thrown",
            Answer::Freed(true) => "yes",
            Answer::Freed(false) => "no",
        }
    }

    async fn look(&self, command: &str, wanted: &str) {
        let mut words = command.split(' ');
        let mut call = redis::cmd(words.next().unwrap());
        let words: Vec<_> = words.collect();
        call.arg(&words);
        let found: Value = call
            .query_async(&mut self.redis.commands.clone())
            .await
            .unwrap();
        let found = match found {
            Value::Array(parts) => parts.iter().map(text).collect::<Vec<_>>().join(" "),
            Value::Map(pairs) => pairs
                .iter()
                .map(|(k, v)| format!("{} {}", text(k), text(v)))
                .collect::<Vec<_>>()
                .join(" "),
            one => text(&one),
        };
        if command.starts_with("pttl") && wanted != "-1" {
            let ms: i64 = found.parse().unwrap();
            assert!((1..=30_000).contains(&ms), "{command}: {ms}");
        } else if let Some((holder, count)) = wanted.split_once(' ') {
            let holder = holder.replace(['<', '>'], "");
            let who = (holder, words[0].to_owned());
            let field = self.guards[&who].last().unwrap().holder();
            assert_eq!(found, format!("{field} {count}"), "{command}");
        } else {
            assert_eq!(found, wanted, "{command}");
        }
    }
}

fn text(value: &Value) -> String {
    redis::from_redis_value_ref(value).unwrap()
}

/// What a line of the recording says: when, in which order, and what to do.
enum Event<'a> {
    Start(Who, Vec<&'a str>),
    End(Who, &'a str),
    Look(&'a str, &'a str),
    Subscribed(&'a str),
}

fn events<'a>(scene: &[&'a str]) -> Vec<(f64, usize, Event<'a>)> {
    let mut events = Vec::new();
    for (number, line) in scene.iter().enumerate() {
        let (at, rest) = line.trim_start().split_once(' ').unwrap();
        let at: f64 = at.parse().unwrap();
        if let Some(look) = rest.strip_prefix("redis-cli ") {
            let (command, wanted) = look.split_once(" -> ").unwrap();
            events.push((at, number, Event::Look(command, wanted)));
        } else if let Some((_, channel)) = rest.split_once(" SUBSCRIBE ") {
            let name = channel.strip_prefix("redisson_lock__channel:{").unwrap();
            events.push((
                at,
                number,
                Event::Subscribed(name.strip_suffix('}').unwrap()),
            ));
        } else if let Some(ours) = rest.strip_prefix("OUR SCRIPT ") {
            let (call, wanted) = ours.split_once(" -> ").unwrap();
            let (what, args) = call.trim_end_matches(')').split_once('(').unwrap();
            let name = args.split([',', ';']).next().unwrap();
            let (_, number_of_holder) = args.rsplit_once(':').unwrap();
            let who = (format!("ours:{number_of_holder}"), name.to_owned());
            let (call, wanted) = match (what, wanted) {
                ("acquire", "nil") => (vec!["trylock", name, "0", lease_of(args)], "yes"),
                ("acquire", _) => (vec!["trylock", name, "0", lease_of(args)], "no"),
                (_, "nil") => (vec!["unlock", name], "no"),
                _ => (vec!["unlock", name], "yes"),
            };
            events.push((at, number, Event::Start(who.clone(), call)));
            events.push((at, number, Event::End(who, wanted)));
        } else {
            let (client, call) = rest.split_once(" >> ").unwrap();
            let (call, answer) = call.split_once(" = ").unwrap();
            // The recording leaves out how long an error took.
            let (answer, took) = answer.rsplit_once(" after ").unwrap_or((answer, "0 ms"));
            let took: f64 = took.trim_end_matches(" ms").parse().unwrap();
            let words: Vec<_> = call.split(' ').collect();
            let who = (format!("{client}:{}", words[0]), words[2].to_owned());
            let wanted = match answer {
                "true" | "locked" | "unlocked" => "yes",
                "false" => "no",
                // Ours says so where Redisson throws.
                thrown if thrown.contains("IllegalMonitorState") => "no",
                _ => "thrown",
            };
            events.push((
                at - took / 1000.0,
                number,
                Event::Start(who.clone(), words[1..].to_vec()),
            ));
            events.push((at, number, Event::End(who, wanted)));
        }
    }
    // Stable: what is at the same moment stays in the order of the recording.
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    events
}

fn lease_of(args: &str) -> &str {
    let times = args.split_once("; ").unwrap().1;
    times.split(", ").next().unwrap()
}

#[tokio::test]
async fn the_calls_of_redisson_have_the_same_answers() {
    let unique = uuid::Uuid::new_v4().to_string();
    let recording = include_str!("../golden/redisson-calls.txt")
        .replace("LOCK:1", &format!("LOCK:{unique}"))
        .replace("p:42", &format!("p:{unique}"))
        .replace("FEN:1", &format!("FEN:{unique}"));
    let mut replay = Replay {
        redis: Redis::open().await,
        processes: HashMap::new(),
        owners: HashMap::new(),
        guards: HashMap::new(),
        running: HashMap::new(),
    };
    let mut calls = 0;
    for scene in recording.split("--- ").skip(1) {
        let lines: Vec<_> = scene.lines().filter(|line| !line.is_empty()).collect();
        for (_, line, event) in events(&lines[1..]) {
            match event {
                Event::Start(who, call) => replay.start(line, &who, &call),
                Event::End(who, wanted) => {
                    calls += 1;
                    let answer = replay.end(line, who).await;
                    assert_eq!(answer, wanted, "scene {}: {}", lines[0], lines[line + 1]);
                }
                Event::Look(command, wanted) => replay.look(command, wanted).await,
                Event::Subscribed(name) => replay.redis.until_subscribers(name, 1).await,
            }
        }
    }
    assert!(calls > 50, "only {calls} calls in the recording");
}

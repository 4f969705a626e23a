//! Random interleavings against a model, and random pauses against a fence.

use std::collections::HashSet;
use std::time::Duration;

use mall_lock::{Guard, LockError, Locks, Owner};
use proptest::prelude::*;
use redis::AsyncCommands;

use crate::support::{LONG, Redis, WAIT, fenced_append, token_append};

const OWNERS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Acquire {
        owner: usize,
        fenced: bool,
    },
    Abandon {
        owner: usize,
        micros: u64,
    },
    Release(usize),
    Drop(usize),
    Renew(usize),
    /// The lease runs out.
    Expire,
    Force,
    /// The owner's process is gone: nobody lets go for it.
    Kill(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let owner = 0..OWNERS;
    prop_oneof![
        6 => (owner.clone(), any::<bool>()).prop_map(|(owner, fenced)| Step::Acquire { owner, fenced }),
        2 => (owner.clone(), 0..1500u64).prop_map(|(owner, micros)| Step::Abandon { owner, micros }),
        4 => any::<usize>().prop_map(Step::Release),
        2 => any::<usize>().prop_map(Step::Drop),
        2 => any::<usize>().prop_map(Step::Renew),
        1 => Just(Step::Expire),
        1 => Just(Step::Force),
        1 => owner.prop_map(Step::Kill),
    ]
}

/// What Redis is to show: whose the lock is (nobody's that lives after a kill), under which field, how often.
struct Held {
    owner: Option<usize>,
    field: String,
    count: i64,
}

struct World {
    redis: Redis,
    name: String,
    locks: Vec<Locks>,
    owners: Vec<Owner>,
    guards: Vec<(usize, Guard)>,
    held: Option<Held>,
    seen: HashSet<String>,
    last_token: i64,
}

impl World {
    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Acquire { owner, fenced } => self.acquire(owner, fenced).await,
            Step::Abandon { owner, micros } => {
                let attempt = self.owners[owner].acquire(&self.name, WAIT, LONG);
                let _ = tokio::time::timeout(Duration::from_micros(micros), attempt).await;
            }
            Step::Release(pick) => {
                if let Some((ours, guard)) = self.take_guard(pick) {
                    assert_eq!(guard.release().await.unwrap(), ours, "what release says");
                }
            }
            Step::Drop(pick) => drop(self.take_guard(pick)),
            Step::Renew(pick) => {
                if !self.guards.is_empty() {
                    let pick = pick % self.guards.len();
                    let guard = &mut self.guards[pick].1;
                    let ours = is_of(self.held.as_ref(), guard);
                    assert_eq!(guard.renew(LONG).await.unwrap(), ours, "what renew says");
                    assert_eq!(guard.is_lost(), !ours);
                }
            }
            Step::Expire => {
                self.redis.delete(&self.name).await;
                self.held = None;
            }
            Step::Force => {
                let forced = self.locks[0].force_unlock(&self.name).await.unwrap();
                assert_eq!(forced, self.held.take().is_some());
            }
            Step::Kill(owner) => {
                let (gone, stay) = std::mem::take(&mut self.guards)
                    .into_iter()
                    .partition::<Vec<_>, _>(|(of, _)| *of == owner);
                gone.into_iter().for_each(std::mem::forget);
                self.guards = stay;
                self.owners[owner] = self.locks[owner].owner();
                if let Some(held) = self.held.as_mut().filter(|held| held.owner == Some(owner)) {
                    held.owner = None;
                }
            }
        }
        let wanted: Vec<_> = self
            .held
            .iter()
            .map(|held| (held.field.clone(), held.count))
            .collect();
        self.redis.until_fields(&self.name, &wanted).await;
        if self.held.is_some() {
            let ttl: i64 = self.redis.commands.clone().pttl(&self.name).await.unwrap();
            assert!((30_000..=60_000).contains(&ttl), "a lease is on it: {ttl}");
        }
    }

    async fn acquire(&mut self, owner: usize, fenced: bool) {
        let mut request = self.owners[owner].request(&self.name).lease(LONG);
        if fenced {
            request = request.fenced();
        }
        let answer = request.acquire().await;
        match (&mut self.held, answer) {
            (Some(held), Err(LockError::Timeout)) => assert_ne!(held.owner, Some(owner)),
            (_, Err(error)) => panic!("{error}"),
            (held, Ok(guard)) => {
                match held {
                    Some(held) => {
                        assert_eq!(held.owner, Some(owner), "only its owner enters again");
                        assert_eq!(held.field, guard.holder());
                        held.count += 1;
                    }
                    None => {
                        let field = guard.holder().to_owned();
                        assert!(self.seen.insert(field.clone()), "{field} was used before");
                        *held = Some(Held {
                            owner: Some(owner),
                            field,
                            count: 1,
                        });
                    }
                }
                assert_eq!(guard.token().is_some(), fenced);
                if let Some(token) = guard.token() {
                    assert!(token > self.last_token, "tokens grow");
                    self.last_token = token;
                }
                self.guards.push((owner, guard));
            }
        }
    }

    /// One guard less in the model, too; with it whether the lock was its.
    fn take_guard(&mut self, pick: usize) -> Option<(bool, Guard)> {
        if self.guards.is_empty() {
            return None;
        }
        let (_, guard) = self.guards.swap_remove(pick % self.guards.len());
        let ours = is_of(self.held.as_ref(), &guard);
        if let Some(held) = self.held.as_mut().filter(|_| ours) {
            held.count -= 1;
            if held.count == 0 {
                self.held = None;
            }
        }
        Some((ours, guard))
    }
}

fn is_of(held: Option<&Held>, guard: &Guard) -> bool {
    held.is_some_and(|held| held.field == guard.holder())
}

async fn interleaving(steps: Vec<Step>) {
    let redis = Redis::open().await;
    let locks: Vec<_> = (0..OWNERS).map(|_| redis.process()).collect();
    let mut world = World {
        name: Redis::name("model"),
        owners: locks.iter().map(Locks::owner).collect(),
        locks,
        redis,
        guards: Vec::new(),
        held: None,
        seen: HashSet::new(),
        last_token: 0,
    };
    for step in &steps {
        world.step(step).await;
    }
    assert!(world.locks.iter().all(|locks| locks.waiting() == 0));
}

/// One turn of one holder: how long its lease is and how long it dawdles between its two changes, in ms.
type Turn = (u64, u64);

/// Holders that dawdle past their leases: what the fence lets through is in the order in which the lock was had.
async fn dawdling(plans: Vec<Vec<Turn>>) {
    let redis = Redis::open().await;
    let name = Redis::name("dawdling");
    let mut tasks = tokio::task::JoinSet::new();
    for plan in plans {
        let (redis, name) = (redis.clone(), name.clone());
        tasks.spawn(async move {
            let locks = redis.process();
            for (lease, dawdle) in plan {
                let request = locks.request(&name).wait(WAIT * 3).fenced();
                let request = request.lease(Duration::from_millis(lease));
                let guard = request.acquire().await.unwrap();
                let token = guard.token().unwrap();
                for dawdle in [0, dawdle] {
                    tokio::time::sleep(Duration::from_millis(dawdle)).await;
                    fenced_append(&redis, &guard, &format!("{name}:a"), &token.to_string()).await;
                    token_append(&redis, token, &format!("{name}:b"), &token.to_string()).await;
                }
                let _ = guard.release().await.unwrap();
            }
            locks
        });
    }
    while let Some(locks) = tasks.join_next().await {
        assert_eq!(locks.unwrap().waiting(), 0);
    }
    for list in ["a", "b"] {
        let list = format!("{name}:{list}");
        let tokens: Vec<i64> = redis.commands.clone().lrange(list, 0, -1).await.unwrap();
        assert!(tokens.is_sorted(), "overtaken: {tokens:?}");
    }
    redis.until_fields(&name, &[]).await;
}

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_is_as_the_model(steps in proptest::collection::vec(step(), 1..40)) {
        run(interleaving(steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_dawdles_past_the_lease_changes_nothing(
        plans in proptest::collection::vec(proptest::collection::vec((5..40u64, 0..60u64), 1..5), 2..5)
    ) {
        run(dawdling(plans));
    }
}

//! Jobs over a real database: one replica per tick, failures counted, a clean stop.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mall_clock::{Zone, system};
use mall_db::{Db, Migration};
use mall_jobs::{Counts, Job, Jobs, RunNowError, Schedule, TABLE_SQL};
use mall_telemetry::metrics::Metrics;
use mall_testkit::{SchemaGuard, eventually, fresh_schema};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const NAME: &str = "test.job";

async fn database() -> (SchemaGuard, Db) {
    let schema = fresh_schema("jobs").await;
    let db = Db::connect_url(&schema.url, 5).unwrap();
    db.migrate(&[Migration {
        version: 1,
        name: "jobs",
        sql: TABLE_SQL,
    }])
    .await
    .unwrap();
    (schema, db)
}

fn zone() -> Zone {
    Zone::parse("Asia/Seoul").unwrap()
}

/// A replica whose job counts its runs, and waits to be let go when told to.
fn replica(db: &Db, schedule: &str, runs: &Arc<AtomicU64>, gate: Option<Arc<Notify>>) -> Jobs {
    let runs = Arc::clone(runs);
    let job = Job::new(
        NAME,
        Schedule::parse(schedule).unwrap(),
        zone(),
        move |_| {
            let (runs, gate) = (Arc::clone(&runs), gate.clone());
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
                if let Some(gate) = gate {
                    gate.notified().await;
                }
                Ok(())
            }
        },
    );
    Jobs::new(db.clone(), system(), Metrics::new()).add(job)
}

#[tokio::test]
async fn a_tick_is_run_by_one_of_several_replicas() {
    let (_schema, db) = database().await;
    let runs = Arc::new(AtomicU64::new(0));
    let replicas: Vec<Jobs> = (0..4)
        .map(|_| replica(&db, "@every 400ms", &runs, None))
        .collect();
    let stop = CancellationToken::new();
    let tasks: Vec<_> = replicas
        .iter()
        .map(|jobs| tokio::spawn(jobs.clone().run(stop.clone())))
        .collect();
    let counts = || -> Vec<Counts> {
        replicas
            .iter()
            .map(|jobs| jobs.counts(NAME).unwrap())
            .collect()
    };
    eventually(Duration::from_secs(20), || async {
        let counts = counts();
        // Each replica has had five ticks of its own.
        if counts.iter().all(|c| c.ok + c.skipped >= 5) {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    })
    .await;
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    let counts = counts();
    let (ok, skipped): (u64, u64) = (
        counts.iter().map(|c| c.ok).sum(),
        counts.iter().map(|c| c.skipped).sum(),
    );
    assert_eq!(ok, runs.load(Ordering::SeqCst));
    assert!(ok >= 2, "{counts:?}");
    // Without leases every tick would have run, and none been left to another.
    assert!(skipped >= 5, "{counts:?}");
}

#[tokio::test]
async fn a_run_under_way_keeps_others_out_and_is_waited_for() {
    let (_schema, db) = database().await;
    let runs = Arc::new(AtomicU64::new(0));
    let gate = Arc::new(Notify::new());
    let first = replica(&db, "-", &runs, Some(Arc::clone(&gate)));
    let second = replica(&db, "-", &runs, None);
    let running = tokio::spawn({
        let first = first.clone();
        async move { first.run_now(NAME).await }
    });
    eventually(Duration::from_secs(10), || async {
        if runs.load(Ordering::SeqCst) == 1 {
            Ok(())
        } else {
            Err(())
        }
    })
    .await;
    assert!(matches!(
        second.run_now(NAME).await,
        Err(RunNowError::Running(NAME))
    ));
    assert!(matches!(
        first.run_now(NAME).await,
        Err(RunNowError::Running(NAME))
    ));
    gate.notify_one();
    running.await.unwrap().unwrap();
    second.run_now(NAME).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_stop_waits_for_the_run_and_tells_it() {
    let (_schema, db) = database().await;
    let (started, ended) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
    let job = Job::new(NAME, Schedule::every(Duration::from_millis(20)), zone(), {
        let (started, ended) = (Arc::clone(&started), Arc::clone(&ended));
        move |context| {
            let (started, ended) = (Arc::clone(&started), Arc::clone(&ended));
            async move {
                started.notify_one();
                while !context.should_stop() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                ended.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        }
    });
    let stop = CancellationToken::new();
    let task = tokio::spawn(
        Jobs::new(db, system(), Metrics::new())
            .add(job)
            .run(stop.clone()),
    );
    started.notified().await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), task)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn failures_and_panics_are_counted_and_free_the_lease() {
    let (_schema, db) = database().await;
    let calls = Arc::new(AtomicU64::new(0));
    let job = Job::new(NAME, Schedule::parse("-").unwrap(), zone(), {
        let calls = Arc::clone(&calls);
        move |_| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            async move {
                match call {
                    0 => anyhow::bail!("no luck"),
                    1 => panic!("worse"),
                    _ => Ok(()),
                }
            }
        }
    });
    let jobs = Jobs::new(db, system(), Metrics::new()).add(job);
    assert!(matches!(
        jobs.run_now(NAME).await,
        Err(RunNowError::Failed(NAME, _))
    ));
    assert!(matches!(
        jobs.run_now(NAME).await,
        Err(RunNowError::Failed(NAME, _))
    ));
    jobs.run_now(NAME).await.unwrap();
    assert_eq!(
        jobs.counts(NAME),
        Some(Counts {
            ok: 1,
            failed: 2,
            skipped: 0
        })
    );
    assert!(matches!(
        jobs.run_now("nobody").await,
        Err(RunNowError::Unknown(_))
    ));
}

#[tokio::test]
async fn a_dead_holders_lease_runs_out() {
    let (_schema, db) = database().await;
    let runs = Arc::new(AtomicU64::new(0));
    let set = |until: &'static str| {
        db.run_tx("dead_holder", move |tx| {
            Box::pin(async move {
                sqlx::query("REPLACE INTO job_lease (name, holder, until, running) VALUES (?, 'gone', ?, 1)")
                    .bind(NAME)
                    .bind(until)
                    .execute(tx)
                    .await?;
                Ok::<_, mall_db::TxError<std::convert::Infallible>>(())
            })
        })
    };
    let jobs = replica(&db, "-", &runs, None);
    set("2999-01-01 00:00:00").await.unwrap();
    assert!(matches!(
        jobs.run_now(NAME).await,
        Err(RunNowError::Running(NAME))
    ));
    set("2000-01-01 00:00:00").await.unwrap();
    jobs.run_now(NAME).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

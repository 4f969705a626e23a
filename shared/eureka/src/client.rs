//! A process's side of Eureka: one task keeps its lease, another its view of everybody else.
//!
//! Nothing here ever fails or blocks a caller: a registry that is away costs freshness, not answers. Both tasks try again
//! until it is there, and the last view stays.

mod lease;
mod transport;
mod view;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use mall_clock::SharedClock;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::wire::{Instance, InstanceStatus};
use transport::Transport;
use view::Snapshot;

/// How long [`EurekaClient::shutdown`] may take in all.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// Of that, how long a request in flight may take to end.
const SETTLE_LIMIT: Duration = Duration::from_millis(600);
/// First pause after a failure; doubled each time.
const FIRST_RETRY: Duration = Duration::from_millis(200);
/// Longest pause between attempts to register.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// How this process appears in the registry and how it follows it.
#[derive(Clone, Debug)]
pub struct EurekaConfig {
    /// Service URLs, tried in turn, each like `http://host:8761/eureka/`; user information becomes basic authentication.
    pub urls: Vec<String>,
    /// Service id, as written (`application-cart`); the registry shows it in upper case.
    pub app: String,
    /// Id of this instance, unique within the service.
    pub instance_id: String,
    /// What others connect to: a host name or an address.
    pub host: String,
    /// IP address.
    pub ip: String,
    /// Port of the service.
    pub port: u16,
    /// Time between heartbeats (whole seconds on the wire).
    pub renewal: Duration,
    /// Life of the lease without heartbeats (whole seconds on the wire).
    pub expiry: Duration,
    /// Time between looks at the registry.
    pub fetch_interval: Duration,
    /// Shown with the instance; `management.port` is added.
    pub metadata: BTreeMap<String, String>,
    /// Whether to register at all, or only to look.
    pub register: bool,
}

/// Registers this process and follows the registry. Clones share one registration; when the last clone is dropped without
/// [`EurekaClient::shutdown`], its tasks end and the lease runs out.
#[derive(Clone)]
pub struct EurekaClient {
    shared: Arc<Shared>,
    _stop_with_last_clone: Arc<DropGuard>,
}

struct Shared {
    config: EurekaConfig,
    clock: SharedClock,
    transport: Transport,
    me: Mutex<Me>,
    /// A registration was sent, so there may be something to take back.
    announced: AtomicBool,
    registered: AtomicBool,
    status_changed: Notify,
    snapshot: RwLock<Arc<Snapshot>>,
    fetched: watch::Sender<Option<Instant>>,
    stopping: CancellationToken,
    tasks: TaskTracker,
    aborts: Mutex<Vec<AbortHandle>>,
    shut_down: AtomicBool,
}

/// What the registry should know of this process.
#[derive(Clone, Copy, Debug)]
struct Me {
    status: InstanceStatus,
    /// Milliseconds since 1970 of the last change; rises with each.
    dirty: i64,
    /// Not yet told.
    unsent: bool,
}

impl EurekaClient {
    /// Starts registering, as `STARTING` until [`EurekaClient::set_status`] says otherwise, and following. Never fails and never
    /// waits: what can't be reached is tried again. Needs a tokio runtime.
    pub fn start(config: EurekaConfig) -> Self {
        Self::start_with(config, mall_clock::system())
    }

    /// [`EurekaClient::start`] with the clock that stamps changes of this instance.
    pub fn start_with(config: EurekaConfig, clock: SharedClock) -> Self {
        let stopping = CancellationToken::new();
        let me = Me {
            status: InstanceStatus::Starting,
            dirty: clock.now().timestamp_millis(),
            unsent: true,
        };
        let shared = Arc::new(Shared {
            transport: Transport::new(&config.urls),
            me: Mutex::new(me),
            announced: AtomicBool::new(false),
            registered: AtomicBool::new(false),
            status_changed: Notify::new(),
            snapshot: RwLock::default(),
            fetched: watch::Sender::new(None),
            stopping: stopping.clone(),
            tasks: TaskTracker::new(),
            aborts: Mutex::default(),
            shut_down: AtomicBool::new(false),
            config,
            clock,
        });
        let mut handles = vec![
            shared
                .tasks
                .spawn(view::follow(shared.clone()))
                .abort_handle(),
        ];
        if shared.config.register {
            handles.push(
                shared
                    .tasks
                    .spawn(lease::keep(shared.clone()))
                    .abort_handle(),
            );
        }
        *lock(&shared.aborts) = handles;
        shared.tasks.close();
        Self {
            shared,
            _stop_with_last_clone: Arc::new(stopping.drop_guard()),
        }
    }

    /// The instances of a service that are `UP` in the last known view; the name in any case. Never waits.
    pub fn instances(&self, app: &str) -> Vec<Instance> {
        self.up_instances(app).to_vec()
    }

    /// As [`EurekaClient::instances`], without copying them: for the path of every call.
    pub fn up_instances(&self, app: &str) -> Arc<[Instance]> {
        self.shared.snapshot().up(app)
    }

    /// The names (upper case) of all services in the last known view, also of those without an instance that is `UP`.
    pub fn applications(&self) -> Vec<String> {
        self.shared.snapshot().names.clone()
    }

    /// Changes the status that this instance shows; told to the registry at once.
    pub fn set_status(&self, status: InstanceStatus) {
        let changed = self.shared.change(|me| {
            let changed = me.status != status;
            me.status = status;
            changed
        });
        if changed {
            self.shared.status_changed.notify_one();
        }
    }

    /// Whether the registry has accepted this instance and has not forgotten it since, as far as known.
    pub fn is_registered(&self) -> bool {
        self.shared.registered.load(Ordering::Acquire)
    }

    /// When the registry last answered a look at it; `None` before the first answer.
    pub fn last_fetch(&self) -> Option<Instant> {
        *self.shared.fetched.borrow()
    }

    /// Waits until the service has an instance that is `UP`, or the time is over; says which.
    pub async fn wait_for(&self, app: &str, limit: Duration) -> bool {
        let mut fetched = self.shared.fetched.subscribe();
        let seen = async {
            while self.up_instances(app).is_empty() {
                if fetched.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(limit, seen).await.unwrap_or(false)
    }

    /// Leaves the registry as Spring does, status `DOWN` and then a cancel, and ends the tasks. Takes two seconds at most, also
    /// when the registry does not answer. Further calls do nothing.
    pub async fn shutdown(&self) {
        if self.shared.shut_down.swap(true, Ordering::AcqRel) {
            return;
        }
        self.shared.stopping.cancel();
        let leave = async {
            // A registration still on its way must not arrive after the cancel.
            if tokio::time::timeout(SETTLE_LIMIT, self.shared.tasks.wait())
                .await
                .is_err()
            {
                for handle in lock(&self.shared.aborts).iter() {
                    handle.abort();
                }
                self.shared.tasks.wait().await;
            }
            if self.shared.announced.load(Ordering::Acquire) {
                lease::leave(&self.shared).await;
            }
        };
        if tokio::time::timeout(SHUTDOWN_LIMIT, leave).await.is_err() {
            tracing::warn!("the registry did not answer in time; the lease will run out by itself");
        }
        self.shared.registered.store(false, Ordering::Release);
    }
}

impl Shared {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Applies `change`; when it says that something changed, the change is stamped and due to be told.
    fn change(&self, change: impl FnOnce(&mut Me) -> bool) -> bool {
        let now = self.clock.now().timestamp_millis();
        let mut me = lock(&self.me);
        let changed = change(&mut me);
        if changed {
            me.dirty = now.max(me.dirty + 1);
            me.unsent = true;
        }
        changed
    }

    /// This process as an instance of the registry.
    fn instance(&self, me: Me) -> Instance {
        let config = &self.config;
        let page = |path: &str| Some(format!("http://{}:{}{path}", config.host, config.port));
        let seconds =
            |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).max(1);
        let mut instance = Instance::new(
            &config.app,
            &config.instance_id,
            &config.host,
            &config.ip,
            config.port,
        );
        instance.status = me.status;
        instance.lease.renewal_interval_secs = seconds(config.renewal);
        instance.lease.duration_secs = seconds(config.expiry);
        instance.metadata = config.metadata.clone();
        instance
            .metadata
            .entry("management.port".to_owned())
            .or_insert_with(|| config.port.to_string());
        instance.home_page_url = page("/");
        instance.status_page_url = page("/actuator/info");
        instance.health_check_url = page("/actuator/health");
        instance.last_updated_timestamp = me.dirty;
        instance.last_dirty_timestamp = me.dirty;
        instance
    }

    /// Waits, or returns false when it is time to stop.
    async fn pause(&self, pause: Duration, also: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => false,
            () = also => true,
            () = tokio::time::sleep(pause) => true,
        }
    }
}

/// Pauses between failed attempts: doubling, with jitter so that a restarted registry is not met by everybody at once.
struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    fn up_to(longest: Duration) -> Self {
        Self {
            next: FIRST_RETRY.min(longest),
            longest,
        }
    }

    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next * 2).min(self.longest);
        jitter(pause)
    }
}

fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.9..1.1))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The order of a start and of a stop.
//!
//! Start: settings (all that is wrong is told at once) → logs → the port is bound, so that a busy port ends the start
//! before anything is changed → database (reachable, schema as wanted, durable) → Redis → registry (as STARTING) → the
//! program is built → it serves → it is UP and ready.
//!
//! Stop, on SIGTERM or Ctrl-C: not ready → DOWN and gone from the registry, so that nobody new comes → what is in flight
//! finishes → background tasks end → connections close → exit 0.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mall_actuator::{Actuator, HealthIndicator, Readiness};
use mall_db::{DatabaseSettings, Db, SchemaState};
use mall_eureka::{EurekaClient, EurekaConfig, wire::InstanceStatus};
use mall_http_client::{Balancer, CallClient, ClientParts, Discovery};
use mall_telemetry::Spans;
use mall_telemetry::metrics::Metrics;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::{Given, Tool};
use crate::health::{ConfigHealth, DatabaseHealth, RedisHealth, RegistryHealth};
use crate::plan::{EurekaPlan, plan};
use crate::{App, Boot, Stack, Tasks, local_address, redis_link, server};

/// How long a start waits for a database that does not answer yet.
const DATABASE_WAIT: Duration = Duration::from_secs(60);

/// How long a stop waits for what is in flight.
const DRAIN: Duration = Duration::from_secs(20);

pub(crate) async fn check_config<A: App>() -> anyhow::Result<()> {
    let plan = plan::<A>().await?;
    tracing::info!(sources = ?plan.loaded.sources, "the settings are good");
    Ok(())
}

pub(crate) async fn migrate<A: App>() -> anyhow::Result<()> {
    let plan = plan::<A>().await?;
    let Some(database) = &plan.database else {
        tracing::info!("this program has no database");
        return Ok(());
    };
    let db = Db::connect(database).context("spring.datasource.url")?;
    wait_for_database(&db).await?;
    db.migrate(A::migrations()).await?;
    tracing::info!(state = ?db.schema_state(A::migrations()).await?, "migrated");
    db.close().await;
    Ok(())
}

pub(crate) async fn tool<A: App, T: Tool<A>>(tool: T) -> anyhow::Result<()> {
    let plan = plan::<A>().await?;
    let db = match &plan.database {
        Some(database) => Some(open_database::<A>(database, plan.require_durable).await?),
        None => None,
    };
    let done = tool.run(Given {
        local: plan.loaded.local(),
        config: plan.config,
        clock: mall_clock::system(),
        db: db.clone(),
        tokens: plan.tokens,
    });
    done.await?;
    if let Some(db) = db {
        db.close().await;
    }
    Ok(())
}

pub(crate) async fn serve<A: App>() -> anyhow::Result<()> {
    let began = Instant::now();
    // Before anything else: a signal during the start ends the start.
    let signalled = listen_for_signals()?;
    let running = tokio::select! {
        () = signalled.cancelled() => return Ok(()),
        running = start::<A>(began) => running?,
    };
    signalled.cancelled().await;
    running.stop::<A>().await;
    Ok(())
}

/// A program that serves.
struct Running {
    readiness: Readiness,
    eureka: Option<EurekaClient>,
    end_of_serving: CancellationToken,
    serving: JoinHandle<()>,
    tasks: Tasks,
    db: Option<Db>,
}

async fn start<A: App>(began: Instant) -> anyhow::Result<Running> {
    let plan = plan::<A>().await?;
    let listener =
        server::listen(plan.address).with_context(|| format!("server.port: {}", plan.address))?;
    let port = listener.local_addr()?.port();
    let clock = mall_clock::system();
    let metrics = Metrics::new();
    let breakers = plan.breakers.clone();
    let tasks = Tasks::new();
    let readiness = Readiness::new();
    let spans = plan.traces.map(|traces| {
        let (spans, send) = Spans::new(traces, clock.clone(), &metrics, tasks.stopping());
        tasks.spawn("traces", send);
        spans
    });
    let mut health: Vec<Arc<dyn HealthIndicator>> = Vec::new();

    let db = match &plan.database {
        Some(database) => Some(open_database::<A>(database, plan.require_durable).await?),
        None => None,
    };
    health.extend(
        db.clone()
            .map(|db| Arc::new(DatabaseHealth(db)) as Arc<dyn HealthIndicator>),
    );

    let redis = plan
        .redis
        .as_ref()
        .map(redis_link::manager)
        .transpose()
        .context("spring.data.redis")?;
    health.extend(
        redis
            .clone()
            .map(|redis| Arc::new(RedisHealth(redis)) as Arc<dyn HealthIndicator>),
    );

    let eureka = plan.eureka.as_ref().map(|eureka| {
        let client = EurekaClient::start(registration::<A>(eureka, port));
        client.set_status(InstanceStatus::Starting);
        client
    });
    let balancer = eureka
        .clone()
        .map(|eureka| Balancer::new(Arc::new(eureka) as Arc<dyn Discovery>));
    let calls = match (&balancer, &plan.keys) {
        (Some(balancer), Some(keys)) => Some(CallClient::new(ClientParts {
            service: A::NAME.to_owned(),
            balancer: balancer.clone(),
            breakers: breakers.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            settings: plan.calls.clone(),
        })),
        _ => None,
    };
    health.extend(
        eureka
            .clone()
            .map(|eureka| Arc::new(RegistryHealth(eureka)) as Arc<dyn HealthIndicator>),
    );
    if A::NEEDS.config_server {
        health.push(Arc::new(ConfigHealth(plan.loaded.sources.clone())));
    }

    let local = plan.loaded.local();
    let service = A::build(Boot {
        name: A::NAME,
        config: plan.config,
        settings: Arc::new(plan.loaded.settings),
        clock: clock.clone(),
        zone: plan.zone,
        metrics: metrics.clone(),
        breakers: breakers.clone(),
        discovery: eureka
            .clone()
            .map(|eureka| Arc::new(eureka) as Arc<dyn Discovery>),
        balancer,
        calls,
        keys: plan.keys.clone(),
        tokens: plan.tokens,
        db: db.clone(),
        redis,
        redis_client: plan.redis,
        tasks: tasks.clone(),
        local,
    })
    .await
    .context("the program could not be put together")?;

    health.extend(service.health);
    let (router, mut docs) = service.router.split_for_parts();
    // The router brings along what its own crate says of itself.
    docs.info = utoipa::openapi::Info::new(A::NAME, env!("CARGO_PKG_VERSION"));
    let actuator = Actuator {
        service: A::NAME.to_owned(),
        info: serde_json::json!({"build": {"name": A::NAME, "version": env!("CARGO_PKG_VERSION")}}),
        indicators: health,
        metrics: metrics.clone(),
        breakers,
        readiness: readiness.clone(),
        exposure: service.exposure,
    };
    let mut router = router.merge(actuator.router());
    if service.api_docs {
        let docs: bytes::Bytes = docs.to_json()?.into();
        router = router.route(
            "/v3/api-docs",
            axum::routing::get(move || {
                let docs = docs.clone();
                async move { ([(http::header::CONTENT_TYPE, "application/json")], docs) }
            }),
        );
    }
    let router = Stack {
        name: A::NAME,
        keys: plan.keys,
        clock,
        metrics,
        body_limit: service.body_limit,
    }
    .around_with(router, spans);

    let router = match service.threshold {
        Some(threshold) => threshold(router),
        None => router,
    };

    let end_of_serving = CancellationToken::new();
    let serving = tokio::spawn(server::serve(
        listener,
        router,
        end_of_serving.clone(),
        DRAIN,
    ));
    if let Some(eureka) = &eureka {
        eureka.set_status(InstanceStatus::Up);
    }
    readiness.accept();
    tracing::info!(
        port,
        start_ms = began.elapsed().as_millis() as u64,
        "{} is up",
        A::NAME
    );

    Ok(Running {
        readiness,
        eureka,
        end_of_serving,
        serving,
        tasks,
        db,
    })
}

impl Running {
    async fn stop<A: App>(self) {
        tracing::info!("stopping");
        self.readiness.refuse();
        if let Some(eureka) = &self.eureka {
            eureka.shutdown().await;
        }
        self.end_of_serving.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(error = %error, "the server ended badly");
        }
        if !self.tasks.stop(Duration::from_secs(5)).await {
            tracing::warn!("some background tasks did not end in time");
        }
        if let Some(db) = self.db {
            db.close().await;
        }
        tracing::info!("{} has stopped", A::NAME);
    }
}

fn registration<A: App>(plan: &EurekaPlan, port: u16) -> EurekaConfig {
    let ip = plan.ip.clone().unwrap_or_else(|| {
        let registry = plan
            .urls
            .first()
            .and_then(|url| local_address::authority(url));
        local_address::of_this_program(&registry.unwrap_or_default()).to_string()
    });
    EurekaConfig {
        urls: plan.urls.clone(),
        app: A::NAME.to_owned(),
        // The original's form: the application and 32 random hex digits.
        instance_id: format!("{}:{}", A::NAME, uuid::Uuid::new_v4().simple()),
        host: plan.host.clone().unwrap_or_else(|| ip.clone()),
        ip,
        port,
        renewal: plan.renewal,
        expiry: plan.expiry,
        fetch_interval: plan.fetch,
        metadata: [("management.port".to_owned(), port.to_string())].into(),
        register: plan.register,
    }
}

async fn open_database<A: App>(
    settings: &DatabaseSettings,
    require_durable: bool,
) -> anyhow::Result<Db> {
    let db = Db::connect(settings).context("spring.datasource.url")?;
    wait_for_database(&db).await?;
    match db.schema_state(A::migrations()).await? {
        SchemaState::Current => {}
        SchemaState::Ahead { at, wanted } => {
            tracing::warn!(at, wanted, "the schema is newer than this program")
        }
        SchemaState::Behind { at, wanted } => {
            bail!(
                "the schema is at version {at}, this program needs {wanted}: run its `migrate` command"
            )
        }
        SchemaState::Changed { version } => {
            bail!("schema step {version} is not the one that this program knows")
        }
    }
    if let Err(why) = db.check_durability().await? {
        if require_durable {
            bail!(
                "the database may lose acknowledged orders in a power cut: {why} (mall.database.require-durable)"
            );
        }
        tracing::warn!("the database may lose acknowledged orders in a power cut: {why}");
    }
    Ok(db)
}

async fn wait_for_database(db: &Db) -> anyhow::Result<()> {
    let since = Instant::now();
    let mut told = false;
    loop {
        let error = match db.ping().await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        // A wrong password does not get better by waiting.
        let refused = matches!(&error, sqlx::Error::Database(_));
        if refused || since.elapsed() > DATABASE_WAIT {
            return Err(error).context("spring.datasource: the database does not let us in");
        }
        if !told {
            tracing::warn!(error = %error, "the database does not answer yet");
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A token that SIGTERM and Ctrl-C cancel.
fn listen_for_signals() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let signalled = CancellationToken::new();
    let token = signalled.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
    });
    Ok(signalled)
}

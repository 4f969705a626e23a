//! A private Redis.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::process::Launch;
use crate::server::{Probe, Server};
use crate::{ports, programs};

/// What may differ from one private Redis to the next.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Folder of everything it writes; made when absent.
    pub dir: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// Its port; a free one when absent.
    pub port: Option<u16>,
    /// Nothing is written to the disk: it is empty after a restart. For tests.
    pub throwaway: bool,
    /// More arguments for the server.
    pub args: Vec<String>,
}

impl RedisSettings {
    /// A server that keeps its data in `dir`.
    #[must_use]
    pub fn new(dir: &Path) -> RedisSettings {
        RedisSettings {
            dir: dir.to_owned(),
            log: dir.join("redis.log"),
            port: None,
            throwaway: false,
            args: Vec::new(),
        }
    }
}

/// A Redis process of ours, on loopback, without a password.
#[derive(Debug, Clone)]
pub struct Redis {
    server: Arc<Server>,
}

impl Redis {
    /// Starts a server that keeps its data in `dir`, and waits until it is ready.
    pub fn start(dir: &Path, port: Option<u16>) -> anyhow::Result<Redis> {
        Redis::start_with(&RedisSettings {
            port,
            ..RedisSettings::new(dir)
        })
    }

    /// The same with settings.
    pub fn start_with(settings: &RedisSettings) -> anyhow::Result<Redis> {
        let redis = Redis::prepare(settings)?;
        redis.server.start()?;
        redis
            .server
            .wait_ready(Duration::from_secs(30), &|| false)?;
        Ok(redis)
    }

    /// Does not start it yet.
    pub fn prepare(settings: &RedisSettings) -> anyhow::Result<Redis> {
        let program = programs::redis_server().context("redis-server is not installed")?;
        fs::create_dir_all(&settings.dir)?;
        let dir = settings.dir.canonicalize()?;
        let port = match settings.port {
            Some(port) => port,
            None => ports::free_port()?,
        };
        let port_text = port.to_string();
        let durable = if settings.throwaway { "no" } else { "yes" };
        let args = [
            "--port",
            &port_text,
            "--bind",
            "127.0.0.1",
            "--daemonize",
            "no",
            "--save",
            "",
            "--appendonly",
            durable,
        ];
        let launch = Launch {
            name: "redis".into(),
            program: program.path,
            arg0: program.arg0,
            args: args
                .into_iter()
                .map(Into::into)
                .chain(settings.args.iter().map(Into::into))
                .collect(),
            env: Default::default(),
            dir,
            log: settings.log.clone(),
        };
        let server = Server::new(launch, port, Probe::RedisPing, Duration::from_secs(10));
        Ok(Redis { server })
    }

    /// The process behind it.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// `redis://127.0.0.1:<port>/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.server.port())
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Stops it in order.
    pub fn stop(&self) {
        self.server.stop();
    }
}

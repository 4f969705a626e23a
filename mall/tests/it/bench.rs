//! A folder for a mall, and the command that works on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use mall_testkit::mall::{Build, build_programs, workspace_root};
use mall_testkit::{Scratch, http, ports, proc};
use serde_json::Value;

pub struct Bench {
    scratch: Scratch,
    pub port: u16,
    pub programs: PathBuf,
}

impl Bench {
    pub fn new() -> Bench {
        Bench {
            scratch: Scratch::new("cli").unwrap(),
            port: ports::free_port().unwrap(),
            programs: built(),
        }
    }

    pub fn home(&self) -> PathBuf {
        self.scratch.path().join("home")
    }

    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mall"));
        command
            .args(args)
            .env("MALL_HOME", self.home())
            .env("MALL_PROGRAMS", &self.programs);
        // As from any other folder of the clone, called by hand.
        command
            .env_remove("CARGO_MANIFEST_DIR")
            .current_dir(workspace_root().unwrap().join("services"));
        command
    }

    pub fn run(&self, args: &[&str]) -> Answer {
        Answer::of(self.command(args).output().unwrap())
    }

    pub fn up(&self) -> Answer {
        self.run(&["up", "--detach", "--port", &self.port.to_string()])
    }

    /// An `up` in the foreground that has said that it is up.
    pub fn up_in_foreground(&self) -> Child {
        let mut child = self
            .command(&["up", "--port", &self.port.to_string()])
            .stdin(Stdio::null())
            .stdout(fs::File::create(self.folder().join("out")).unwrap())
            .stderr(fs::File::create(self.folder().join("err")).unwrap())
            .spawn()
            .unwrap();
        self.until("it is up", || {
            assert!(child.try_wait().unwrap().is_none(), "{}", self.read("err"));
            self.read("out").contains("Ctrl-C stops it")
        });
        child
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder().join(file)).unwrap_or_default()
    }

    pub fn status(&self) -> Value {
        serde_json::from_str(&self.run(&["status", "--json"]).out).unwrap()
    }

    pub fn products(&self) -> usize {
        let reply = http::get(
            &format!("http://127.0.0.1:{}/product/allproduct", self.port),
            Duration::from_secs(5),
        )
        .unwrap();
        reply.json().unwrap().as_array().unwrap().len()
    }

    /// Processes that work in this mall's folder.
    pub fn processes(&self) -> Vec<u32> {
        let pids = proc::processes().unwrap().into_iter().map(|one| one.id);
        pids.filter(|pid| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(self.home()))
        })
        .collect()
    }

    pub fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !condition() {
            assert!(
                Instant::now() < deadline,
                "not in time: {what}\n{}",
                self.read("err")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn until_nothing_is_left(&self) {
        self.until("nothing is left", || self.processes().is_empty());
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Of a test that failed half-way.
        if !self.processes().is_empty() {
            self.run(&["down"]);
        }
    }
}

#[derive(Debug)]
pub struct Answer {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

impl Answer {
    fn of(output: Output) -> Answer {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Answer {
            ok: output.status.success(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

fn built() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || match std::env::var_os("MALL_PROGRAMS") {
        Some(programs) => programs.into(),
        None => {
            build_programs(&workspace_root().unwrap(), Build::Debug, None, &mut |_| {})
                .unwrap()
                .programs
        }
    };
    BUILT.get_or_init(build).clone()
}

//! What a debug build has.

use std::fmt;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::order::Orders;
use crate::{FILE_VARIABLE, VARIABLE};

/// Decides what becomes of whoever reaches a point.
pub trait Hook: Send + Sync {
    /// Whoever is here goes on when the future is ready.
    fn reach<'a>(&'a self, name: &'static str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// The points of one component. Clones share what was decided.
#[derive(Clone, Default)]
pub struct FaultPoints {
    hook: Option<Arc<dyn Hook>>,
}

impl fmt::Debug for FaultPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultPoints(armed: {})", self.hook.is_some())
    }
}

impl FaultPoints {
    /// As `MALL_FAULT_POINT` says, or the file of `MALL_FAULT_FILE`; without either every point is passed.
    pub fn from_env() -> Self {
        if let Some(file) = std::env::var_os(FILE_VARIABLE) {
            return Self::scripted(Arc::new(Orders::of(file.into())));
        }
        let wanted = std::env::var(VARIABLE).ok();
        match wanted.as_deref().and_then(Death::parse) {
            Some(death) => Self::scripted(Arc::new(death)),
            None => Self::default(),
        }
    }

    /// As the hook says.
    pub fn scripted(hook: Arc<dyn Hook>) -> Self {
        Self { hook: Some(hook) }
    }

    /// Everything before is done, nothing after has begun.
    pub async fn reach(&self, name: &'static str) {
        if let Some(hook) = &self.hook {
            hook.reach(name).await;
        }
    }
}

/// The process dies when it gets somewhere for the n-th time.
pub(crate) struct Death {
    name: String,
    left: AtomicU32,
}

impl Death {
    pub(crate) fn parse(text: &str) -> Option<Death> {
        let (name, times) = match text.split_once(':') {
            Some((name, times)) => (name, times.parse().ok().filter(|times| *times >= 1)?),
            None => (text, 1),
        };
        (!name.is_empty()).then(|| Death {
            name: name.to_owned(),
            left: AtomicU32::new(times),
        })
    }

    pub(crate) fn is_now(&self, name: &str) -> bool {
        self.name == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

impl Hook for Death {
    fn reach<'a>(&'a self, name: &'static str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        if self.is_now(name) {
            die(name);
        }
        Box::pin(std::future::ready(()))
    }
}

/// No destructor runs and nothing is flushed: as by kill -9.
pub(crate) fn die(name: &str) -> ! {
    say(
        &mut std::io::stderr(),
        &format!("dies at the fault point {name}"),
    );
    std::process::abort()
}

/// In one write, so that the log, which goes to the same file, never comes in between: whoever waits for the line looks for it whole.
pub(crate) fn say(to: &mut impl Write, text: &str) {
    let _ = to.write_all(format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Death, say};

    #[test]
    fn a_line_is_one_write() {
        struct Writes(Vec<String>);
        impl Write for Writes {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.push(String::from_utf8_lossy(bytes).into_owned());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut writes = Writes(Vec::new());
        say(&mut writes, &format!("dies at {}", "pay.marked"));
        assert_eq!(writes.0, ["dies at pay.marked\n"]);
    }

    #[test]
    fn the_variable_names_a_point_and_a_time() {
        let third = Death::parse("pay.marked:3").unwrap();
        let passed: Vec<bool> = (0..4).map(|_| third.is_now("pay.marked")).collect();
        assert_eq!(passed, [false, false, true, false]);
        assert!(!Death::parse("a").unwrap().is_now("b"));
        assert!(Death::parse("a").unwrap().is_now("a"));
        for bad in ["", ":1", "a:0", "a:x"] {
            assert!(Death::parse(bad).is_none(), "{bad}");
        }
    }
}

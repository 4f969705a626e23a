//! Orders from outside, for a process that runs already.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::armed::{Death, Hook, die, say};

/// How often somebody who is held looks whether he still is.
const LOOK: Duration = Duration::from_millis(5);

/// Does what a file says.
pub struct Orders {
    file: PathBuf,
    /// The text that is obeyed, and what is left of it. Passages count from when it was first seen.
    death: Mutex<(String, Option<Death>)>,
}

impl Orders {
    /// The file need not be there.
    pub fn of(file: PathBuf) -> Orders {
        Orders {
            file,
            death: Mutex::new((String::new(), None)),
        }
    }

    fn text(&self) -> String {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.trim().to_owned()
    }

    fn dies(&self, text: String, name: &str) -> bool {
        let mut death = self.death.lock().unwrap_or_else(PoisonError::into_inner);
        if death.0 != text {
            let wanted = text.strip_prefix("die ").and_then(Death::parse);
            *death = (text, wanted);
        }
        death.1.as_ref().is_some_and(|death| death.is_now(name))
    }
}

impl Hook for Orders {
    fn reach<'a>(&'a self, name: &'static str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let text = self.text();
        let hold = format!("hold {name}");
        if text == hold {
            say(
                &mut std::io::stderr(),
                &format!("is held at the fault point {name}"),
            );
            return Box::pin(async move {
                while self.text() == hold {
                    tokio::time::sleep(LOOK).await;
                }
            });
        }
        if self.dies(text, name) {
            let _ = std::fs::remove_file(&self.file);
            die(name);
        }
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn file(test: &str) -> PathBuf {
        std::env::temp_dir().join(format!("fault-order-{}-{test}", std::process::id()))
    }

    #[test]
    fn passages_count_from_when_the_order_came() {
        let orders = Orders::of(file("count"));
        let dies = |text: &str, name| orders.dies(text.to_owned(), name);
        assert!(!dies("", "a.b"));
        assert!(
            !dies("die a.b:2", "a.b") && !dies("die a.b:2", "other") && dies("die a.b:2", "a.b")
        );
        assert!(!dies("die a.b:2", "a.b"));
        assert!(dies("die a.b", "a.b"));
        assert!(!dies("a.b", "a.b") && !dies("die ", ""));
    }

    #[tokio::test]
    async fn who_is_held_goes_on_when_the_order_is_gone() {
        let file = file("hold");
        std::fs::write(&file, "hold a.b").unwrap();
        let orders = Arc::new(Orders::of(file.clone()));
        orders.reach("other").await;
        let mut held = orders.reach("a.b");
        let waits = std::future::poll_fn(|context| {
            std::task::Poll::Ready(held.as_mut().poll(context).is_pending())
        });
        assert!(waits.await);
        std::fs::remove_file(&file).unwrap();
        held.await;
    }
}

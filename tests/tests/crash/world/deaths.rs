//! Who is to die or to wait, and where; and how he is started again. By `MALL_FAULT_FILE`: see the crate `mall-fault-points`.

use mall_testkit::eventually;

use super::{LONG, World};

/// A death that was ordered.
pub struct Death {
    victim: String,
    point: String,
    mark: String,
    before: usize,
}

/// A stop that was ordered.
pub struct Held {
    victim: String,
    mark: String,
    before: usize,
}

impl World {
    fn give_order(&self, victim: &str, order: &str) {
        // At once whole: whoever reads half a word would pass.
        let (new, file) = (self.faults.join("new"), self.faults.join(victim));
        std::fs::write(&new, order).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// A process is to die where `point` (`name` or `name:2`) says.
    pub fn arm(&self, victim: &str, point: &str) -> Death {
        let name = point.split(':').next().unwrap();
        let mark = format!("dies at the fault point {name}");
        let before = self.shop.mall.logs(victim).matches(&mark).count();
        self.give_order(victim, &format!("die {point}"));
        Death {
            victim: victim.to_owned(),
            point: point.to_owned(),
            mark,
            before,
        }
    }

    /// Until the process has died there, and nowhere else.
    pub async fn until_dead(&self, death: &Death) {
        let (victim, point) = (&death.victim, &death.point);
        eventually(LONG, || async {
            if self.shop.mall.is_running(victim) {
                Err(format!("{victim} has not died at {point}"))
            } else {
                Ok(())
            }
        })
        .await;
        let deaths = self.shop.mall.logs(victim).matches(&death.mark).count();
        assert_eq!(
            deaths,
            death.before + 1,
            "{victim} died, but not at {point}"
        );
    }

    /// Whether the process dies there, or something else makes that impossible first.
    pub async fn dies_before(&self, death: &Death, is_too_late: impl Fn() -> bool) -> bool {
        let died = eventually(LONG, || async {
            match (self.shop.mall.is_running(&death.victim), is_too_late()) {
                (false, _) => Ok(true),
                (true, true) => Ok(false),
                (true, false) => Err(format!("{} is not at {}", death.victim, death.point)),
            }
        })
        .await;
        if died {
            self.until_dead(death).await;
        }
        died
    }

    /// How often stock has said that it settled what nobody had settled.
    pub fn swept(&self) -> usize {
        let log = self.shop.mall.logs("stock");
        log.matches("settled takes that nobody had settled").count()
    }

    /// Whoever gets to the point waits there, until [`kill`](Self::kill).
    pub fn hold(&self, victim: &str, point: &str) -> Held {
        let mark = format!("is held at the fault point {point}\n");
        let before = self.shop.mall.logs(victim).matches(&mark).count();
        self.give_order(victim, &format!("hold {point}"));
        Held {
            victim: victim.to_owned(),
            mark,
            before,
        }
    }

    /// Until somebody waits there.
    pub async fn until_held(&self, held: &Held) {
        eventually(LONG, || async {
            let log = self.shop.mall.logs(&held.victim);
            if log.matches(&held.mark).count() > held.before {
                Ok(())
            } else {
                Err(format!("nobody in {} {}", held.victim, held.mark))
            }
        })
        .await;
    }

    /// Who waits goes on.
    pub fn let_go(&self, victim: &str) {
        std::fs::remove_file(self.faults.join(victim)).unwrap();
    }

    /// `kill -9`, and nobody is held any more.
    pub async fn kill(&self, victim: &str) {
        self.shop.mall.kill(victim).await;
        let _ = std::fs::remove_file(self.faults.join(victim));
    }

    /// Starts who died. One who is to die again may do so before he is ready.
    pub async fn restart(&self, victim: &str) {
        self.pass_leases(victim).await;
        let restarted = self.shop.mall.restart(victim).await;
        if !self.faults.join(victim).exists() && self.shop.mall.is_running(victim) {
            restarted.unwrap();
        }
    }
}

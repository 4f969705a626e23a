//! Which products are sold out, as stock said a moment ago: a crowd at an empty shelf is refused here, without asking anybody.
//!
//! Nobody tells this service when pieces come back: it has no Redis, and shall not need one to sell. It asks instead, once for
//! everybody: while people come to an empty shelf, stock is asked in the background, [`ASK_EVERY`] after its last word, what the shelf
//! shows. That is a read which touches neither MySQL nor a lock. Nothing there renews the mark; anything else ends it. So whoever
//! comes a few milliseconds after the pieces does get one, and a crowd costs stock 200 reads a second, however large it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mall_stock_api::StockApi;
use mall_types::ProductId;

/// So many products are marked at a time before old marks are looked for.
const MANY: usize = 1024;

/// How long after its last word stock is asked again.
pub const ASK_EVERY: Duration = Duration::from_millis(5);

/// The marks, and who is asked about them.
#[derive(Clone)]
pub struct Marks {
    shelves: Arc<Shelves>,
    stock: Arc<dyn StockApi>,
}

/// The marks. Each is good for `age` after stock was asked, and no longer, also when stock gives no answer.
struct Shelves {
    age: Duration,
    marked: Mutex<HashMap<ProductId, Mark>>,
}

#[derive(Clone, Copy)]
struct Mark {
    /// Nothing was left when stock was asked then.
    since: Instant,
    /// Whoever comes then has stock asked again.
    ask_at: Instant,
}

/// What somebody finds who comes for a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Perhaps something.
    Open,
    /// Nothing, a moment ago.
    Empty,
    /// Nothing, and it is time to ask whether that is still so.
    EmptySoFar,
}

impl Marks {
    /// Marks that are believed for `age`; zero: never.
    pub fn new(age: Duration, stock: Arc<dyn StockApi>) -> Self {
        let shelves = Arc::new(Shelves::new(age));
        Self { shelves, stock }
    }

    /// Stock said at `asked` or later that nothing is left.
    pub fn sold_out(&self, product: ProductId, asked: Instant) {
        self.shelves.sold_out(product, asked);
    }

    /// Whether the product was sold out less than `age` ago.
    pub fn refuses(&self, product: ProductId) -> bool {
        let look = self.shelves.look(product, Instant::now());
        if look == Look::EmptySoFar {
            let marks = self.clone();
            tokio::spawn(async move { marks.ask(product).await });
        }
        look != Look::Open
    }

    async fn ask(&self, product: ProductId) {
        let asked = Instant::now();
        let Ok(shown) = self.stock.available(&[product]).await else {
            return;
        };
        let empty = shown
            .iter()
            .any(|shelf| shelf.product_id == product && shelf.available == 0);
        self.shelves.told(product, asked, empty, Instant::now());
    }
}

impl Shelves {
    fn new(age: Duration) -> Self {
        Self {
            age,
            marked: Mutex::default(),
        }
    }

    fn marked(&self) -> MutexGuard<'_, HashMap<ProductId, Mark>> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sold_out(&self, product: ProductId, asked: Instant) {
        if self.age.is_zero() {
            return;
        }
        let mut marked = self.marked();
        if marked.len() >= MANY {
            marked.retain(|_, mark| mark.since.elapsed() < self.age);
        }
        let ask_at = asked + ASK_EVERY;
        let mark = marked.entry(product).or_insert(Mark {
            since: asked,
            ask_at,
        });
        mark.since = mark.since.max(asked);
    }

    fn look(&self, product: ProductId, now: Instant) -> Look {
        let mut marked = self.marked();
        let Some(mark) = marked.get_mut(&product) else {
            return Look::Open;
        };
        if now.saturating_duration_since(mark.since) >= self.age {
            return Look::Open;
        }
        if now < mark.ask_at {
            return Look::Empty;
        }
        // One question at a time. Without an answer there is no other one: the mark ends by its age.
        mark.ask_at = now + self.age;
        Look::EmptySoFar
    }

    /// Stock answered a question that was asked then.
    fn told(&self, product: ProductId, asked: Instant, empty: bool, now: Instant) {
        let mut marked = self.marked();
        let Some(mark) = marked.get_mut(&product) else {
            return;
        };
        // Somebody may have been told later than this question that nothing is left: the pieces have come and gone.
        if empty || mark.since > asked {
            mark.since = mark.since.max(asked);
            mark.ask_at = now + ASK_EVERY;
        } else {
            marked.remove(&product);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUG: ProductId = ProductId(1);
    const HOUR: Duration = Duration::from_secs(3600);
    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_mark_is_for_its_product_and_for_its_time() {
        let (marks, now) = (Shelves::new(HOUR), Instant::now());
        assert_eq!(marks.look(MUG, now), Look::Open);
        marks.sold_out(MUG, now);
        assert_eq!(marks.look(MUG, now), Look::Empty);
        assert_eq!(marks.look(ProductId(2), now), Look::Open);
        // Counted from when stock was asked.
        assert_eq!(marks.look(MUG, now + HOUR), Look::Open);
    }

    #[test]
    fn without_an_age_there_are_no_marks() {
        let (marks, now) = (Shelves::new(Duration::ZERO), Instant::now());
        marks.sold_out(MUG, now);
        assert_eq!(marks.look(MUG, now), Look::Open);
    }

    #[test]
    fn one_of_a_crowd_has_stock_asked_every_few_milliseconds() {
        let (marks, now) = (Shelves::new(HOUR), Instant::now());
        marks.sold_out(MUG, now);
        let due = now + ASK_EVERY;
        assert_eq!(marks.look(MUG, due - MILLI), Look::Empty);
        assert_eq!(marks.look(MUG, due), Look::EmptySoFar);
        for later in [due, due + MILLI, due + 20 * ASK_EVERY] {
            assert_eq!(marks.look(MUG, later), Look::Empty, "one asks already");
        }
        // Still nothing: it is good from the question on, and asked again after the answer.
        marks.told(MUG, due, true, due + MILLI);
        assert_eq!(marks.look(MUG, due + ASK_EVERY), Look::Empty);
        assert_eq!(marks.look(MUG, due + MILLI + ASK_EVERY), Look::EmptySoFar);
    }

    #[test]
    fn pieces_that_are_back_end_the_mark_unless_they_have_gone_again() {
        let (marks, now) = (Shelves::new(HOUR), Instant::now());
        marks.sold_out(MUG, now);
        let asked = now + ASK_EVERY;
        assert_eq!(marks.look(MUG, asked), Look::EmptySoFar);
        // Somebody who got past an older mark was told "nothing" after this question.
        marks.sold_out(MUG, asked + MILLI);
        marks.told(MUG, asked, false, asked + 2 * MILLI);
        assert_eq!(marks.look(MUG, asked + 2 * MILLI), Look::Empty);
        let again = asked + 2 * MILLI + ASK_EVERY;
        assert_eq!(marks.look(MUG, again), Look::EmptySoFar);
        marks.told(MUG, again, false, again + MILLI);
        assert_eq!(marks.look(MUG, again + MILLI), Look::Open);
        // A word about a mark that is gone.
        marks.told(MUG, again, true, again + MILLI);
        assert_eq!(marks.look(MUG, again + MILLI), Look::Open);
    }

    #[test]
    fn a_question_without_an_answer_ends_the_mark_at_its_age_and_no_later() {
        let age = Duration::from_millis(100);
        let (marks, now) = (Shelves::new(age), Instant::now());
        marks.sold_out(MUG, now);
        assert_eq!(marks.look(MUG, now + ASK_EVERY), Look::EmptySoFar);
        assert_eq!(marks.look(MUG, now + age - MILLI), Look::Empty);
        assert_eq!(marks.look(MUG, now + age), Look::Open);
    }
}

//! Which products are sold out, as stock said a moment ago: a crowd at an empty shelf is refused here, without asking anybody.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mall_types::ProductId;

/// So many products are marked at a time before old marks are looked for.
const MANY: usize = 1024;

/// The marks. Each is good for so long and no longer: nobody tells when pieces come back.
pub struct Marks {
    age: Duration,
    marked: Mutex<HashMap<ProductId, Instant>>,
}

impl Marks {
    /// Marks that are believed for `age`; zero: never.
    pub fn new(age: Duration) -> Self {
        Self {
            age,
            marked: Mutex::default(),
        }
    }

    fn marked(&self) -> MutexGuard<'_, HashMap<ProductId, Instant>> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stock said at `asked` or later that nothing is left.
    pub fn sold_out(&self, product: ProductId, asked: Instant) {
        if self.age.is_zero() {
            return;
        }
        let mut marked = self.marked();
        if marked.len() >= MANY {
            marked.retain(|_, since| since.elapsed() < self.age);
        }
        marked.insert(product, asked);
    }

    /// Whether the product was sold out less than `age` ago.
    pub fn fresh(&self, product: ProductId) -> bool {
        let since = self.marked().get(&product).copied();
        since.is_some_and(|since| since.elapsed() < self.age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUG: ProductId = ProductId(1);

    #[test]
    fn a_mark_is_for_its_product_and_for_its_time() {
        let marks = Marks::new(Duration::from_secs(3600));
        assert!(!marks.fresh(MUG));
        marks.sold_out(MUG, Instant::now());
        assert!(marks.fresh(MUG) && !marks.fresh(ProductId(2)));
        let old = Instant::now()
            .checked_sub(Duration::from_secs(3601))
            .unwrap();
        marks.sold_out(MUG, old);
        assert!(!marks.fresh(MUG), "counted from when stock was asked");
    }

    #[test]
    fn without_an_age_there_are_no_marks() {
        let marks = Marks::new(Duration::ZERO);
        marks.sold_out(MUG, Instant::now());
        assert!(!marks.fresh(MUG));
    }
}

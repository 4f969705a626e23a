//! Who looks at a shelf, together: all who come while a question to Redis is under way are answered by the next one.
//!
//! Whoever looks is answered by a question that was asked after they came: nobody sees an older count than alone.

use std::collections::HashMap;
use std::sync::Arc;

use mall_combine::Room;
use mall_types::ProductId;
use tokio::sync::oneshot;

use crate::hot::{Hot, Shown};

/// So many who look are one question.
const MOST: usize = 500;

/// So many questions are under way at a time.
const QUESTIONS: usize = 1;

/// Redis gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoAnswer;

struct Reader {
    product: ProductId,
    shown: oneshot::Sender<Option<Shown>>,
}

/// Everybody who looks.
pub(crate) struct Readers {
    hot: Arc<Hot>,
    room: Arc<Room<Reader>>,
}

impl Readers {
    pub(crate) fn new(hot: Hot) -> Self {
        Self {
            hot: Arc::new(hot),
            room: Room::new(MOST, QUESTIONS),
        }
    }

    /// What Redis shows of a product; `None` when it is not loaded.
    pub(crate) async fn look(&self, product: ProductId) -> Result<Option<Shown>, NoAnswer> {
        let (shown, answer) = oneshot::channel();
        let hot = Arc::clone(&self.hot);
        self.room.enter(Reader { product, shown }, move |readers| {
            let hot = Arc::clone(&hot);
            async move { ask(&hot, readers).await }
        });
        answer.await.map_err(|_| NoAnswer)
    }
}

/// Whoever gets nothing hears that there is no answer.
async fn ask(hot: &Hot, readers: Vec<Reader>) {
    let mut places: HashMap<ProductId, usize> = HashMap::new();
    let mut products = Vec::new();
    for reader in &readers {
        places.entry(reader.product).or_insert_with(|| {
            products.push(reader.product);
            products.len() - 1
        });
    }
    match hot.shown(&products).await {
        Ok(shown) => {
            for Reader {
                product,
                shown: tell,
            } in readers
            {
                if let Some(shown) = places.get(&product).and_then(|at| shown.get(*at)) {
                    // Who left does not hear it.
                    let _ = tell.send(shown.clone());
                }
            }
        }
        Err(error) => {
            tracing::debug!(error = %error, "Redis does not show what is available");
        }
    }
}

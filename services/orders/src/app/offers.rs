//! What products says of a product at this moment. Questions that wait at the same moment are one call, so a crowd costs products
//! next to nothing. Nothing is kept: an answer is never older than the question.

use std::collections::HashMap;
use std::sync::Arc;

use mall_combine::Room;
use mall_http_client::CallError;
use mall_problem::Problem;
use mall_products_api::{ProductView, ProductsApi};
use mall_types::ProductId;
use tokio::sync::oneshot;

use crate::domain::line::Offer;
use crate::error;

/// So many questions are one call.
const MOST: usize = 256;

/// So many calls are under way at a time.
const CALLS: usize = 2;

type Answer = Result<Arc<HashMap<ProductId, Offer>>, Problem>;

struct Question {
    products: Vec<ProductId>,
    answer: oneshot::Sender<Answer>,
}

/// Asks products.
#[derive(Clone)]
pub struct Offers {
    products: Arc<dyn ProductsApi>,
    room: Arc<Room<Question>>,
}

impl Offers {
    pub fn new(products: Arc<dyn ProductsApi>) -> Self {
        Self {
            products,
            room: Room::new(MOST, CALLS),
        }
    }

    /// Those of the products that are there, and perhaps others.
    pub async fn of(&self, products: Vec<ProductId>) -> Answer {
        let (answer, told) = oneshot::channel();
        let this = self.clone();
        self.room
            .enter(Question { products, answer }, move |asked| {
                let this = this.clone();
                async move { this.ask(asked).await }
            });
        told.await
            .unwrap_or_else(|gone| Err(Problem::internal(gone)))
    }

    async fn ask(&self, asked: Vec<Question>) {
        let mut ids: Vec<ProductId> = asked
            .iter()
            .flat_map(|question| question.products.iter().copied())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        match self.products.products(&ids).await {
            // It may be one question that products does not like.
            Err(refused) if refused.is_definite_refusal() && asked.len() > 1 => {
                for question in asked {
                    let told = self.products.products(&question.products).await;
                    let _ = question.answer.send(answer(told));
                }
            }
            told => {
                let answer = answer(told);
                for question in asked {
                    let _ = question.answer.send(answer.clone());
                }
            }
        }
    }
}

fn answer(told: Result<Vec<ProductView>, CallError>) -> Answer {
    let offers = told.map_err(error::unanswered)?.into_iter().map(|view| {
        let offer = Offer {
            product: view.product_id,
            name: view.name,
            price: view.price,
            limited: view.is_limited_edition,
            opens: view.open_date_time,
        };
        (offer.product, offer)
    });
    Ok(Arc::new(offers.collect()))
}

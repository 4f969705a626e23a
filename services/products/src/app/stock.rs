//! Stock as the stock service has it.

use mall_http_client::CallError;
use mall_problem::Problem;
use mall_stock_api::{Adjust, codes};
use mall_types::ProductId;
use uuid::Uuid;

use crate::domain::{Refusal, StockChange};
use crate::state::Products;

impl Products {
    /// Changes what is available. A refusal by stock (below zero) reaches the admin as it is.
    /// It is booked once under the id of this `effect`.
    pub async fn change_stock(
        &self,
        id: ProductId,
        change: StockChange,
        effect: Uuid,
    ) -> Result<(), Problem> {
        self.known(id).await?;
        let (set, by) = match change {
            StockChange::Set(pieces) => (Some(pieces), None),
            StockChange::By(pieces) => (None, Some(pieces)),
        };
        let adjust = Adjust {
            adjustment_id: effect.to_string(),
            set,
            change: by,
        };
        match self.stock.adjust(id, &adjust).await {
            Ok(_) => Ok(()),
            // The product is in the catalogue: stock has yet to hear of it.
            Err(CallError::Status { problem, .. }) if problem.code == codes::STOCK_UNKNOWN => {
                self.relay.kick();
                Err(Refusal::StockNotReady.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is available; 0 for a product that stock has yet to hear of.
    pub(crate) async fn available(&self, id: ProductId) -> Result<i64, CallError> {
        let found = self.stock.available(&[id]).await?;
        Ok(found.first().map_or(0, |item| item.available))
    }
}

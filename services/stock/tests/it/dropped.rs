//! A caller that goes away half-way: what MySQL has, Redis shows all the same.

use std::sync::Arc;
use std::time::Duration;

use mall_testkit::eventually;
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::support::{Instance, SOON, Servers, new_product};

/// Lets `request` begin while somebody else has locked `row`, drops it there, and then lets the row go.
async fn dropped_at<F>(servers: &Servers, row: String, request: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (locked, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (told, until) = (Arc::clone(&locked), Arc::clone(&gate));
    let db = servers.db.clone();
    let holder = tokio::spawn(async move {
        db.run_tx("holder", move |tx| {
            let (told, until, row) = (Arc::clone(&told), Arc::clone(&until), row.clone());
            Box::pin(async move {
                sqlx::query(sqlx::AssertSqlSafe(row)).execute(tx).await?;
                told.add_permits(1);
                until.acquire().await.unwrap().forget();
                Ok::<_, mall_db::TxError<()>>(())
            })
        })
        .await
        .map_err(|error| error.to_string())
        .unwrap();
    });
    locked.acquire().await.unwrap().forget();
    let request = tokio::spawn(request);
    tokio::time::sleep(Duration::from_millis(500)).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    holder.await.unwrap();
}

async fn supplied(servers: &Servers, app: &Instance) -> i64 {
    let product = new_product();
    app.supply(product, 5).await;
    assert_eq!(servers.shown(product).await, Some(5));
    product
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_whose_caller_goes_away_shows_its_pieces_again() {
    let servers = Servers::open().await;
    let (app, id) = (servers.instance(), Uuid::now_v7());
    let product = supplied(&servers, &app).await;
    app.reserve(id, &[(product, 2)]).await.ok();
    let row = format!(
        "SELECT 1 FROM reservation WHERE reservation_id = UNHEX('{}') FOR UPDATE",
        id.simple()
    );
    let release = {
        let app = app.clone();
        async move { drop(app.release(id).await) }
    };
    dropped_at(&servers, row, release).await;
    eventually(SOON, || async {
        match servers.books(product).await.available {
            5 => Ok(()),
            left => Err(left),
        }
    })
    .await;
    servers.audit(product).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adjustment_whose_caller_goes_away_is_shown() {
    let servers = Servers::open().await;
    let app = servers.instance();
    let product = supplied(&servers, &app).await;
    let row = format!("SELECT 1 FROM stock_item WHERE product_id = {product} FOR UPDATE");
    let adjust = {
        let app = app.clone();
        async move {
            let change = json!({"adjustmentId": Uuid::now_v7().to_string(), "change": 7});
            drop(app.adjust(product, change).await)
        }
    };
    dropped_at(&servers, row, adjust).await;
    eventually(SOON, || async {
        match servers.books(product).await.available {
            12 => Ok(()),
            left => Err(left),
        }
    })
    .await;
    servers.audit(product).await;
}

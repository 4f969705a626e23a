//! `journey`: what a warm mall does for shoppers at one hot product, reads first and orders then, beside a bare axum answer on
//! the same machine in the same run.

mod report;
mod weight;

use std::time::Duration;

use anyhow::Context;
use axum::Router;
use clap::Args;
use mall_types::Role;
use serde_json::{Value, json};

use crate::fire::{Outcome, Salvo, fire};
use crate::limits::web::{Requests, serve};
use crate::local::{Local, host, tokens};
use crate::place::{self, Place};
use crate::say;
use crate::wire::{Connection, request};

pub use report::Report;

#[derive(Debug, Args)]
pub struct Journey {
    /// How many ask at the same moment, each over a connection that is kept
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub connections: u32,
    /// Of each measurement
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Of the same in front of each, not counted
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub warm_up: u64,
    /// How many shoppers order, in turn
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub shoppers: u32,
    #[command(flatten)]
    pub place: place::Options,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// More than anybody buys in the time.
const STOCK: i64 = 50_000_000;

pub async fn run(options: &Journey) -> anyhow::Result<Report> {
    let place = place(options).await?;
    let product = add_product(&place).await?;
    let bare_host = serve(Router::new().fallback(|| async { "{\"orderId\":1}" })).await?;
    let bare = measure(options, "a bare answer", &bare_host.to_string(), || {
        reads(&bare_host.to_string(), product)
    })
    .await?;
    let reading = measure(options, "stock reads", &place.host, || {
        reads(&place.host, product)
    })
    .await?;
    let ordering = measure(options, "orders", &place.host, || orders(&place, product)).await?;
    let (rss, startup) = match &options.place.state {
        Some(state) if options.place.base.is_none() => {
            (weight::resident(state), weight::startup(state))
        }
        _ => (Value::Null, Value::Null),
    };
    Ok(Report {
        bare,
        reading,
        ordering,
        rss,
        startup,
    })
}

async fn place(options: &Journey) -> anyhow::Result<Place> {
    if let Some(place) = options.place.elsewhere()? {
        return Ok(place);
    }
    let local = Local::find(options.place.state.as_deref()).await?;
    Ok(Place {
        host: host(&local.state.gateway)?,
        admin: local.token(1, Role::Admin),
        tokens: tokens(&local.tokens, i64::from(options.shoppers)),
    })
}

async fn add_product(place: &Place) -> anyhow::Result<i64> {
    let body = json!({
        "name": "Bench journey", "price": 1000, "description": "cargo mall bench journey", "stock": STOCK,
        "isLimitedEdition": false,
    });
    let bearer = format!("Bearer {}", place.admin);
    let add = request(
        "POST",
        &place.host,
        "/product/admin/add",
        &[("authorization", &bearer)],
        &body.to_string(),
    );
    let opened = Connection::open(&place.host).await;
    let mut admin = opened.context("the mall is away")?;
    let (status, body) = admin.exchange(&add).await?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = answer["productId"].as_i64().filter(|_| status == 200);
    id.with_context(|| {
        let body = String::from_utf8_lossy(&body);
        format!("a product can't be added: {status} {body}")
    })
}

async fn measure(
    options: &Journey,
    what: &str,
    host: &str,
    requests: impl Fn() -> Requests,
) -> anyhow::Result<Outcome> {
    say(&format!("measuring {what}"));
    let salvo = |seconds| Salvo {
        host: host.to_owned(),
        connections: options.connections as usize,
        request: requests(),
        within: Duration::from_secs(seconds),
        rate: None,
    };
    if options.warm_up > 0 {
        fire(salvo(options.warm_up)).await?;
    }
    let outcome = fire(salvo(options.seconds)).await?;
    say(&format!(
        "  {:.0} per s, p99 {:.2} ms",
        report::per_s(&outcome),
        outcome.accepted.quantile_ms(0.99)
    ));
    for (kind, count) in &outcome.errors {
        say(&format!("  {count} times {kind}"));
    }
    Ok(outcome)
}

fn reads(host: &str, product: i64) -> Requests {
    let path = format!("/product/detailStock/{product}");
    let bytes = request("GET", host, &path, &[], "");
    Box::new(move |_| Some(bytes.clone()))
}

fn orders(place: &Place, product: i64) -> Requests {
    let body = format!("{{\"productId\":{product},\"quantity\":1}}");
    let ready: Vec<Vec<u8>> = place
        .tokens
        .iter()
        .map(|token| {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", &*bearer)];
            request("POST", &place.host, "/order/orderProduct", &headers, &body)
        })
        .collect();
    Box::new(move |number| ready.get(number % ready.len()).cloned())
}

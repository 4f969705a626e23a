//! `drop`: products are added that open in a moment, and when they open everybody orders. With a sweep, several times.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;
use mall_clock::{Clock, SystemClock};
use mall_types::Role;
use serde_json::{Value, json};

use crate::cli::{Drop, PHASE};
use crate::effort;
use crate::fire::{Outcome, Salvo, fire};
use crate::ground::Ground;
use crate::limits::{self, Part};
use crate::local::{Local, host};
use crate::place::Place;
use crate::report::Report;
use crate::say;
use crate::sweep::Step;
use crate::verdict::{self, Sale, Verdict};
use crate::wire::{Connection, request};

/// Where to fire, and who.
struct Field {
    place: Place,
    first_buyer: i64,
}

pub async fn run(options: &Drop) -> anyhow::Result<Report> {
    let (local, field) = match options.place.elsewhere()? {
        Some(place) => {
            let first_buyer = 0;
            (None, Field { place, first_buyer })
        }
        None => {
            let local = Local::find(options.place.state.as_deref()).await?;
            let field = here(options, &local)?;
            (Some(local), field)
        }
    };
    let limits = match &local {
        Some(local) if options.limits => {
            let all = Part::value_variants();
            Some(limits::measure(&Ground::of(local), &field.place.tokens, all, PHASE, 0).await?)
        }
        _ => None,
    };

    let mut sweep = Vec::new();
    for connections in &options.sweep {
        sweep.push(step(options, &field, local.as_ref(), *connections).await?);
    }
    let salvo = Crowd {
        connections: options.connections,
        buyers: options.buyers,
        rate: options.rate,
    };
    let (outcome, verdict) = sell(options, &field, local.as_ref(), &salvo).await?;
    Ok(Report {
        outcome,
        verdict,
        limits,
        rate: options.rate,
        sweep,
    })
}

/// Who comes.
struct Crowd {
    connections: u32,
    buyers: u32,
    rate: Option<u32>,
}

/// A drop that as many come to as there are pieces, over so many connections.
async fn step(
    options: &Drop,
    field: &Field,
    local: Option<&Local>,
    connections: u32,
) -> anyhow::Result<Step> {
    let crowd = Crowd {
        connections,
        buyers: everybody(options),
        rate: None,
    };
    let supervisor = local.and_then(|local| local.state.supervisor);
    let before = supervisor.and_then(effort::of);
    let (outcome, verdict) = sell(options, field, local, &crowd).await?;
    let spent = supervisor.and_then(effort::of).zip(before);
    let step = Step::of(connections, &outcome, verdict, spent);
    say(&step.line());
    Ok(step)
}

/// One buyer for each piece.
fn everybody(options: &Drop) -> u32 {
    options.stock.saturating_mul(options.products)
}

/// A whole sale, and what came of it.
async fn sell(
    options: &Drop,
    field: &Field,
    local: Option<&Local>,
    crowd: &Crowd,
) -> anyhow::Result<(Outcome, Verdict)> {
    let opens = SystemClock.now() + chrono::Duration::seconds(3);
    let products = add_products(options, field, opens).await?;
    say(&format!(
        "{} buyers over {} connections, {} pieces of each of {products:?}; waiting for the opening",
        crowd.buyers, crowd.connections, options.stock
    ));
    if let Ok(left) = (opens - SystemClock.now()).to_std() {
        // Seconds were cut off above, so it has opened by then; a service may be a little behind.
        tokio::time::sleep(left + Duration::from_millis(100)).await;
    }

    say("open");
    let outcome = fire(Salvo {
        host: field.place.host.clone(),
        connections: crowd.connections as usize,
        request: orders(field, products.clone(), crowd.buyers as usize),
        within: Duration::from_secs(options.seconds),
        rate: crowd.rate.map(f64::from),
    })
    .await?;
    say(&format!(
        "{} orders, {} refusals in {:.1} s; counting",
        outcome.accepted.count(),
        outcome.refused.count(),
        outcome.took.as_secs_f64()
    ));
    let sale = Sale {
        host: field.place.host.clone(),
        products,
        stock: i64::from(options.stock),
        first_buyer: field.first_buyer,
    };
    let verdict = verdict::judge(&sale, &outcome, local).await?;
    Ok((outcome, verdict))
}

async fn add_products(
    options: &Drop,
    field: &Field,
    opens: DateTime<Utc>,
) -> anyhow::Result<Vec<i64>> {
    let mut admin = Connection::open(&field.place.host)
        .await
        .context("the mall is away")?;
    let mut products = Vec::new();
    for number in 1..=options.products {
        let body = json!({
            "name": format!("Bench drop {number}"), "price": 1000, "description": "cargo mall bench drop",
            "stock": options.stock, "isLimitedEdition": true,
            "openDateTime": opens.to_rfc3339_opts(SecondsFormat::Secs, true),
        });
        let bearer = format!("Bearer {}", field.place.admin);
        let add = request(
            "POST",
            &field.place.host,
            "/product/admin/add",
            &[("authorization", &bearer)],
            &body.to_string(),
        );
        let (status, body) = admin.exchange(&add).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        match (status, answer["productId"].as_i64()) {
            (200, Some(id)) => products.push(id),
            _ => bail!(
                "a product can't be added: {status} {}",
                String::from_utf8_lossy(&body)
            ),
        }
    }
    Ok(products)
}

fn here(options: &Drop, local: &Local) -> anyhow::Result<Field> {
    say("making shoppers");
    // People whom nobody else is, in this run or another.
    let first_buyer = SystemClock.now().timestamp() * 10_000_000;
    let most = match options.sweep.is_empty() {
        true => options.buyers,
        false => options.buyers.max(everybody(options)),
    };
    let buyers = i64::from(most);
    let place = Place {
        host: host(&local.state.gateway)?,
        admin: local.token(1, Role::Admin),
        tokens: (first_buyer..first_buyer + buyers)
            .map(|user| local.token(user, Role::User))
            .collect(),
    };
    Ok(Field { place, first_buyer })
}

fn orders(
    field: &Field,
    products: Vec<i64>,
    buyers: usize,
) -> Box<dyn Fn(usize) -> Option<Vec<u8>> + Send> {
    let (host, tokens) = (field.place.host.clone(), field.place.tokens.clone());
    Box::new(move |number| {
        (number < buyers).then(|| {
            let bearer = format!("Bearer {}", tokens[number % tokens.len()]);
            let body = format!(
                "{{\"productId\":{},\"quantity\":1}}",
                products[number % products.len()]
            );
            request(
                "POST",
                &host,
                "/order/orderProduct",
                &[("authorization", &bearer)],
                &body,
            )
        })
    })
}

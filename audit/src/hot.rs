//! The counts in Redis against those in MySQL.

use anyhow::Context;
use redis::aio::MultiplexedConnection;

use crate::laws::MOST;

/// Products asked about at a time.
const PAGE: usize = 500;

#[derive(Debug, Default)]
pub struct Hot {
    /// Products whose count is there. An absent one is loaded when it is needed.
    pub known: i64,
    pub broken: Vec<String>,
}

/// `shelf`: product and what MySQL has of it.
pub async fn compare(url: &str, shelf: &[(i64, i64)]) -> anyhow::Result<Hot> {
    let client = redis::Client::open(url)?;
    let mut redis = client
        .get_multiplexed_async_connection()
        .await
        .context("Redis can't be reached")?;
    let mut hot = Hot::default();
    for page in shelf.chunks(PAGE) {
        for ((product, available), (count, pending)) in
            page.iter().zip(read(&mut redis, page).await?)
        {
            if let Some(count) = count {
                hot.known += 1;
                if count != available.to_string() {
                    hot.broken.push(format!(
                        "Redis agrees with MySQL: product {product} has {available}, Redis says {count}"
                    ));
                }
            }
            if pending > 0 {
                hot.broken.push(format!(
                    "nothing is left pending: {pending} takes of product {product}"
                ));
            }
        }
        hot.broken.truncate(MOST);
    }
    Ok(hot)
}

/// Count and number of pending takes of each.
async fn read(
    redis: &mut MultiplexedConnection,
    page: &[(i64, i64)],
) -> redis::RedisResult<Vec<(Option<String>, i64)>> {
    let mut pipe = redis::pipe();
    for (product, _) in page {
        pipe.cmd("GET")
            .arg(format!("{{LOCK:{product}}}:available"))
            .cmd("HLEN")
            .arg(format!("{{LOCK:{product}}}:pending"));
    }
    let answers: Vec<redis::Value> = pipe.query_async(redis).await?;
    answers
        .chunks(2)
        .map(|pair| {
            let [count, pending] = pair else {
                return Ok((None, 0));
            };
            Ok((
                redis::from_redis_value(count.clone())?,
                redis::from_redis_value(pending.clone())?,
            ))
        })
        .collect()
}

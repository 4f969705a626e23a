//! A shop that is not empty: put there by the administrator, through the gateway, as a person would.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::Mall;
use crate::http::{self, Reply};
use crate::timestamp;

/// Name, price in won, stock, description, picture.
const PRODUCTS: [(&str, i64, i64, &str, &str); 10] = [
    (
        "무선 키보드",
        89_000,
        120,
        "조용한 적축, 한 번 충전으로 두 달",
        "keyboard",
    ),
    (
        "울트라북 14",
        1_590_000,
        35,
        "1.1 kg, 배터리 18시간",
        "laptop",
    ),
    (
        "노이즈 캔슬링 헤드폰",
        329_000,
        80,
        "비행기에서도 조용하게",
        "headphones",
    ),
    (
        "세라믹 머그 2종",
        24_000,
        300,
        "손으로 빚은 머그 두 개",
        "mugs",
    ),
    (
        "여행용 캐리어 24인치",
        178_000,
        60,
        "긁힘에 강한 폴리카보네이트",
        "suitcase",
    ),
    ("러닝화", 139_000, 150, "매일 신는 쿠션화", "shoes"),
    (
        "스테인리스 텀블러",
        32_000,
        400,
        "여섯 시간 따뜻하게",
        "tumbler",
    ),
    (
        "캠핑 의자",
        64_000,
        90,
        "접으면 한 손에 들어오는 의자",
        "chair",
    ),
    (
        "책상 스탠드",
        58_000,
        110,
        "눈이 편한 빛, 세 가지 색온도",
        "lamp",
    ),
    (
        "원두 1 kg",
        38_000,
        500,
        "이번 주에 볶은 에티오피아",
        "coffee",
    ),
];

/// Two limited editions: name, price, stock, description, picture, seconds from now until it opens.
const LIMITED: [(&str, i64, i64, &str, &str, i64); 2] = [
    (
        "한정판 스니커즈 '서울'",
        219_000,
        50,
        "오십 켤레, 지금 판매 중",
        "sneakers",
        -3_600,
    ),
    (
        "한정판 카메라 '필름'",
        890_000,
        20,
        "스무 대, 곧 열립니다",
        "camera",
        600,
    ),
];

const PATIENCE: Duration = Duration::from_secs(15);

/// Adds the demo products, unless there is a product already.
pub(super) fn load(mall: &Mall) -> anyhow::Result<()> {
    let gateway = mall.gateway_url();
    let shop = until_served(|| http::get(&format!("{gateway}/product/allproduct"), PATIENCE))?;
    if shop
        .json()?
        .as_array()
        .is_some_and(|products| !products.is_empty())
    {
        return Ok(());
    }
    let login = json!({"email": mall.admin().email, "password": mall.admin().password}).to_string();
    let login = until_served(|| {
        http::send(
            "POST",
            &format!("{gateway}/auth/login"),
            &[],
            Some(&login),
            PATIENCE,
        )
    })?;
    if login.status != 200 {
        bail!(
            "the administrator can't log in: {} {}",
            login.status,
            login.text()
        );
    }
    let login = login.json()?;
    let token = login["access_token"]
        .as_str()
        .context("the login's answer has no access_token")?;
    let authorization = format!("Bearer {token}");
    for product in products() {
        let add = || {
            let headers = [("Authorization", authorization.as_str())];
            http::send(
                "POST",
                &format!("{gateway}/product/admin/add"),
                &headers,
                Some(&product.to_string()),
                PATIENCE,
            )
        };
        let added = until_served(add)?;
        if added.status != 200 {
            bail!(
                "{} can't be added: {} {}",
                product["name"],
                added.status,
                added.text()
            );
        }
    }
    Ok(())
}

fn products() -> Vec<Value> {
    let mut products = Vec::new();
    for (name, price, stock, description, picture) in PRODUCTS {
        products.push(json!({
            "name": name, "price": price, "stock": stock, "description": description,
            "imageUrl": format!("https://img.mall.example/{picture}.jpg"), "imageName": format!("{picture}.jpg"),
            "isLimitedEdition": false,
        }));
    }
    let now = i64::try_from(timestamp::since_epoch().as_secs()).unwrap_or_default();
    for (name, price, stock, description, picture, opens_in) in LIMITED {
        let opens = Duration::from_secs(u64::try_from(now + opens_in).unwrap_or_default());
        products.push(json!({
            "name": name, "price": price, "stock": stock, "description": description,
            "imageUrl": format!("https://img.mall.example/{picture}.jpg"), "imageName": format!("{picture}.jpg"),
            "isLimitedEdition": true, "openDateTime": timestamp::iso(opens),
        }));
    }
    products
}

/// Services learn of each other within seconds of their start; until then a call may be a 503.
fn until_served(call: impl Fn() -> std::io::Result<Reply>) -> anyhow::Result<Reply> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match call() {
            Ok(reply) if reply.status != 503 => return Ok(reply),
            Ok(reply) if Instant::now() > deadline => bail!("still 503: {}", reply.text()),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dozen_products_two_of_them_limited_one_opening_soon() {
        let products = products();
        assert_eq!(products.len(), 12);
        let now = timestamp::iso(timestamp::since_epoch());
        let opening = |product: &&Value| {
            product["openDateTime"]
                .as_str()
                .map(|time| time > now.as_str())
        };
        assert_eq!(
            products
                .iter()
                .filter_map(|product| opening(&product))
                .collect::<Vec<_>>(),
            [false, true]
        );
    }
}

use serde_json::json;

use super::*;

fn zone() -> Zone {
    Zone::parse("Asia/Seoul").unwrap()
}

fn add(value: Value) -> Result<NewProduct, Vec<String>> {
    serde_json::from_value::<AddProduct>(value)
        .unwrap()
        .check(&zone())
        .map_err(|problem| fields(&problem))
}

fn fields(problem: &Problem) -> Vec<String> {
    problem
        .fields()
        .iter()
        .map(|field| field.field.clone())
        .collect()
}

fn edit(value: Value) -> Result<(ProductEdit, Option<StockChange>), Vec<String>> {
    serde_json::from_value::<EditProduct>(value)
        .unwrap()
        .check()
        .map_err(|problem| fields(&problem))
}

#[test]
fn a_product_needs_a_name_and_a_price_and_no_more() {
    let product = add(json!({"name": "Mug", "price": 0})).unwrap();
    assert_eq!(
        (
            product.stock,
            product.description,
            product.image,
            product.opens
        ),
        (0, None, None, None)
    );
    assert_eq!(add(json!({})), Err(vec!["name".into(), "price".into()]));
    assert_eq!(
        add(json!({"name": null, "price": null})),
        Err(vec!["name".into(), "price".into()])
    );
    assert_eq!(
        add(json!({"name": " ", "price": 1})),
        Err(vec!["name".into()])
    );
}

#[test]
fn every_bad_field_is_named_at_once() {
    let long = "가".repeat(256);
    assert!(
        add(json!({"name": "가".repeat(255), "price": 1})).is_ok(),
        "letters are counted, not bytes"
    );
    let bad = add(
        json!({"name": long, "price": -1, "stock": -1, "description": long, "imageUrl": long, "imageName": long,
        "isLimitedEdition": true}),
    );
    let all = [
        "name",
        "price",
        "stock",
        "description",
        "imageUrl",
        "imageName",
        "openDateTime",
    ];
    assert_eq!(bad, Err(all.map(str::to_owned).to_vec()));
    assert_eq!(
        add(json!({"name": "a", "price": 1, "stock": MAX_PIECES + 1})),
        Err(vec!["stock".into()])
    );
}

#[test]
fn a_limited_edition_needs_its_opening_and_others_do_not_keep_one() {
    let limited = |time: Value| {
        add(json!({"name": "a", "price": 1, "isLimitedEdition": true, "openDateTime": time}))
    };
    let opens = |time: Value| limited(time).unwrap().opens.unwrap().to_rfc3339();
    assert_eq!(
        opens(json!("2027-05-01T10:00")),
        "2027-05-01T01:00:00+00:00"
    );
    assert_eq!(
        opens(json!([2027, 5, 1, 10, 0, 5])),
        "2027-05-01T01:00:05+00:00"
    );
    assert_eq!(
        opens(json!("2027-05-01T10:00:00Z")),
        "2027-05-01T10:00:00+00:00"
    );
    for bad in [
        json!(null),
        json!(""),
        json!("2027-05-01 10:00:00"),
        json!(1_809_165_600),
        json!([2027, 5, 1]),
    ] {
        assert_eq!(
            limited(bad.clone()),
            Err(vec!["openDateTime".into()]),
            "{bad}"
        );
    }
    assert_eq!(
        limited(json!([20270, 5, 1, 10, 0])),
        Err(vec!["openDateTime".into()]),
        "beyond the database"
    );
    let other = |time: Value| add(json!({"name": "a", "price": 1, "openDateTime": time}));
    assert_eq!(other(json!("2027-05-01T10:00")).unwrap().opens, None);
    assert_eq!(other(json!("soon")), Err(vec!["openDateTime".into()]));
}

#[test]
fn in_an_edit_absent_null_and_0_change_nothing() {
    let nothing = (ProductEdit::default(), None);
    assert_eq!(edit(json!({})).unwrap(), nothing);
    let all = json!({"imageUrl": null, "imageName": null, "isThumbnail": null, "price": 0, "description": null, "stock": 0,
        "purchaseLimit": 0});
    assert_eq!(edit(all).unwrap(), nothing);
    assert_eq!(
        edit(json!({"imageUrl": "", "imageName": "x", "isThumbnail": true})).unwrap(),
        nothing
    );
}

#[test]
fn an_edit_says_what_it_changes() {
    let (changes, stock) =
        edit(json!({"imageUrl": "http://x/2.png", "price": 100, "description": "", "stock": 7}))
            .unwrap();
    assert_eq!(changes.price, Some(Won(100)));
    assert_eq!(changes.description.as_deref(), Some(""));
    assert!(
        !changes.image.unwrap().thumbnail,
        "isThumbnail absent is false"
    );
    assert_eq!(stock, Some(StockChange::Set(7)));
    assert_eq!(
        edit(json!({"price": -1, "stock": -1})),
        Err(vec!["price".into(), "stock".into()])
    );
}

#[test]
fn a_limit_is_at_least_one_and_0_says_nothing() {
    let limit = |value: Value| {
        add(json!({"name": "a", "price": 1, "purchaseLimit": value})).map(|new| new.limit)
    };
    assert_eq!(limit(json!(2)), Ok(Some(2)));
    assert_eq!(limit(json!(0)), Ok(None));
    assert_eq!(limit(json!(null)), Ok(None));
    let bad = Err(vec!["purchaseLimit".to_owned()]);
    assert_eq!(limit(json!(-1)), bad);
    assert_eq!(limit(json!(MAX_PIECES + 1)), bad);
    let (changes, stock) = edit(json!({"purchaseLimit": 3})).unwrap();
    assert_eq!((changes.limit, stock), (Some(3), None));
    assert!(edit(json!({"purchaseLimit": -1})).is_err());
}

#[test]
fn a_stock_request_is_one_of_two() {
    let check = |stock, change| {
        StockRequest { stock, change }
            .check()
            .map_err(|problem| fields(&problem))
    };
    assert_eq!(check(Some(0), None), Ok(StockChange::Set(0)));
    assert_eq!(check(None, Some(-2)), Ok(StockChange::By(-2)));
    assert_eq!(check(None, None), Err(vec!["stock".into()]));
    assert_eq!(check(Some(1), Some(1)), Err(vec!["stock".into()]));
    assert_eq!(check(Some(-1), None), Err(vec!["stock".into()]));
    assert_eq!(check(None, Some(0)), Err(vec!["change".into()]));
}

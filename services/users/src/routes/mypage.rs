//! `GET /user/mypage`: the caller's account. Original: `UserController.mypage`.

use axum::Json;
use axum::extract::State as App;
use mall_auth::Shopper;
use mall_problem::Answer;
use serde::Serialize;

use crate::{State, app};

/// The account.
#[derive(Serialize, utoipa::ToSchema)]
pub struct MyPage {
    email: String,
    address: Option<String>,
    phonenum: Option<String>,
}

/// Shows the caller's account.
#[utoipa::path(
    get,
    path = "/user/mypage",
    tag = "users",
    responses(
        (status = 200, body = MyPage),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not a shopper"),
        (status = 404, description = "USER_NOT_FOUND"),
    ),
    security(("bearer" = ["USER"])),
)]
pub async fn mypage(App(state): App<State>, Shopper(shopper): Shopper) -> Answer<Json<MyPage>> {
    let profile = app::profile(&state, shopper.user).await?;
    Ok(Json(MyPage {
        email: profile.email,
        address: profile.address,
        phonenum: profile.phone_num,
    }))
}

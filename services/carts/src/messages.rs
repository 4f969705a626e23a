//! What we say to people.

use mall_problem::Text;

pub const DELETED: Text = Text::new("장바구니에서 삭제했습니다.", "Removed from the cart.");
pub const UPDATED: Text = Text::new("수량을 변경했습니다.", "The count was changed.");

pub const PRODUCT_NOT_FOUND: Text =
    Text::new("존재하지 않는 상품입니다.", "There is no such product.");
pub const ALREADY_IN_CART: Text = Text::new(
    "이미 장바구니에 있는 상품입니다.",
    "The product is in the cart already.",
);
pub const CART_LINE_NOT_FOUND: Text = Text::new(
    "장바구니에 없는 항목입니다.",
    "There is no such line in the cart.",
);
pub const CART_FULL: Text = Text::new("장바구니가 가득 찼습니다.", "The cart is full.");
pub const COUNT_MISSING: Text = Text::new("수량을 입력해 주세요.", "A count is needed.");

pub fn count_out_of_range(max: i32) -> Text {
    Text::made(
        format!("수량은 1 이상 {max} 이하의 정수여야 합니다."),
        format!("The count must be a whole number from 1 to {max}."),
    )
}

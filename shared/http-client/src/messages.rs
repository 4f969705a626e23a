//! What we say to people.

use mall_problem::Text;

pub(crate) const SERVICE_UNAVAILABLE: Text = Text::new(
    "지금은 서비스를 이용할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    "The service is not available at the moment. Please try again shortly.",
);

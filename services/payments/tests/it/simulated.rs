//! What a provider must keep, shown on the simulated one.

use mall_payments::{Charge, GiveBack, Provider, Simulated, Verdict};
use mall_payments_api::Simulate;
use mall_types::{OrderId, UserId, Won};

use crate::support::World;

fn charge(key: &str, limit_exceeded: bool) -> Charge {
    let simulate = Simulate { limit_exceeded };
    Charge {
        key: key.into(),
        order: OrderId(1),
        user: UserId(7),
        amount: Won(5000),
        simulate,
    }
}

fn give_back(charge_key: &str, key: &str) -> GiveBack {
    GiveBack {
        charge_key: charge_key.into(),
        key: key.into(),
        amount: Won(5000),
    }
}

#[tokio::test]
async fn a_key_charges_once_and_gives_back_once() {
    let world = World::new().await;
    let provider = Simulated::new(world.db.clone(), world.clock.clone());
    assert_eq!(provider.find("a").await, Ok(None));
    assert_eq!(
        provider.charge(&charge("a", false)).await,
        Ok(Verdict::Captured)
    );
    assert_eq!(
        provider.charge(&charge("a", true)).await,
        Ok(Verdict::Captured)
    );
    assert_eq!(provider.find("a").await, Ok(Some(Verdict::Captured)));
    assert_eq!(
        provider.charge(&charge("b", true)).await,
        Ok(Verdict::Declined("LIMIT_EXCEEDED".into()))
    );
    assert_eq!(provider.give_back(&give_back("a", "r1")).await, Ok(()));
    assert_eq!(provider.give_back(&give_back("a", "r1")).await, Ok(()));
    assert!(provider.give_back(&give_back("a", "r2")).await.is_err());
    assert!(
        provider.give_back(&give_back("b", "r1")).await.is_err(),
        "a declined charge has nothing to give back"
    );
    assert!(provider.give_back(&give_back("c", "r1")).await.is_err());
    assert_eq!(world.books().await, (2, 5000, 5000));
}

//! The names of a product's keys. All share the slot of the lock `LOCK:<id>`, whose name is the original's.

use mall_types::ProductId;

/// The lock.
pub fn lock(id: ProductId) -> String {
    format!("LOCK:{id}")
}

/// How many pieces can be taken: a number, absent when not loaded.
pub fn available(id: ProductId) -> String {
    format!("{{LOCK:{id}}}:available")
}

/// Batches on their way to MySQL: a hash, nonce -> `deadline|minute|` and request id and quantity of each take.
pub fn pending(id: ProductId) -> String {
    format!("{{LOCK:{id}}}:pending")
}

/// Prefix of the hashes, one a minute, of takes that are on their way to MySQL or there: request id -> nonce.
pub fn takes(id: ProductId) -> String {
    format!("{{LOCK:{id}}}:takes")
}

/// Changes with every load.
pub fn epoch(id: ProductId) -> String {
    format!("{{LOCK:{id}}}:epoch")
}

/// The product's name, for `detailStock`.
pub fn name(id: ProductId) -> String {
    format!("{{LOCK:{id}}}:name")
}

/// When the count was loaded, in milliseconds of Redis' clock.
pub fn loaded(id: ProductId) -> String {
    format!("{{LOCK:{id}}}:loaded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_carries_the_locks_hash_tag() {
        let id = ProductId(42);
        assert_eq!(lock(id), "LOCK:42");
        assert_eq!(available(id), "{LOCK:42}:available");
        for key in [
            available(id),
            pending(id),
            takes(id),
            epoch(id),
            name(id),
            loaded(id),
        ] {
            assert!(key.starts_with("{LOCK:42}:"), "{key}");
        }
    }
}

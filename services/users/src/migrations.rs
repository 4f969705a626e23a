//! The schema, forward only. A file that was released is never edited.

use mall_db::Migration;

/// Every migration, oldest first.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "initial",
        sql: include_str!("../migrations/0001_initial.sql"),
    },
    Migration {
        version: 2,
        name: "idempotency",
        sql: include_str!("../migrations/0002_idempotency.sql"),
    },
    Migration {
        version: 3,
        name: "session",
        sql: include_str!("../migrations/0003_session.sql"),
    },
];

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn the_copied_table_is_that_of_its_crate() {
        assert!(MIGRATIONS[1].sql.ends_with(mall_idempotency::TABLE_SQL));
    }
}

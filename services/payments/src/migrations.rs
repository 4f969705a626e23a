//! The schema, forward only.

use mall_db::Migration;

/// All versions.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "initial",
        sql: include_str!("../migrations/0001_initial.sql"),
    },
    Migration {
        version: 2,
        name: "attempts",
        sql: include_str!("../migrations/0002_attempts.sql"),
    },
];

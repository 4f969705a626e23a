//! The steps of this service's schema.

use mall_db::Migration;

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "initial",
        sql: include_str!("../migrations/0001_initial.sql"),
    },
    Migration {
        version: 2,
        name: "drops",
        sql: include_str!("../migrations/0002_drops.sql"),
    },
    Migration {
        version: 3,
        name: "orphans",
        sql: include_str!("../migrations/0003_orphans.sql"),
    },
    Migration {
        version: 4,
        name: "limit_since",
        sql: include_str!("../migrations/0004_limit_since.sql"),
    },
    Migration {
        version: 5,
        name: "unattached",
        sql: include_str!("../migrations/0005_unattached.sql"),
    },
    Migration {
        version: 6,
        name: "attached",
        sql: include_str!("../migrations/0006_attached.sql"),
    },
];

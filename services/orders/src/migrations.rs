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
        name: "fences",
        sql: include_str!("../migrations/0002_fences.sql"),
    },
    Migration {
        version: 3,
        name: "steps",
        sql: include_str!("../migrations/0003_steps.sql"),
    },
    Migration {
        version: 4,
        name: "idempotency",
        sql: include_str!("../migrations/0004_idempotency.sql"),
    },
    Migration {
        version: 5,
        name: "intents_end",
        sql: include_str!("../migrations/0005_intents_end.sql"),
    },
];

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    /// The statement without layout and comments.
    fn plain(sql: &str) -> String {
        sql.lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .flat_map(str::split_whitespace)
            .collect()
    }

    #[test]
    fn the_copied_tables_are_those_of_their_crates() {
        let ours = plain(MIGRATIONS[0].sql);
        assert!(ours.contains(&plain(mall_outbox::TABLE_SQL)));
        assert!(ours.contains(&plain(mall_jobs::TABLE_SQL)));
        assert!(MIGRATIONS[3].sql.ends_with(mall_idempotency::TABLE_SQL));
    }
}

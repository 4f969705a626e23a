//! Periodic work, one replica at a time.
//!
//! A [`Job`] is a name, a [`Schedule`] and an async function. [`Jobs`] runs each at its times; a row in the table
//! `job_lease` ([`TABLE_SQL`]) lets only one replica of a service run a tick. The lease saves work, it protects nothing: a
//! holder that is paused past its lease runs beside the next one, so each job must be safe when it runs twice.
//!
//! Reading order: [`Schedule`] (when), `lease` (who), [`Jobs`] (the loop).

mod lease;
mod runner;
mod schedule;

pub use runner::{Counts, Job, JobContext, Jobs, Outcome, RunNowError};
pub use schedule::{Schedule, ScheduleError};

/// The table that the leases live in; a service that runs jobs copies this statement into a migration.
pub const TABLE_SQL: &str = "\
CREATE TABLE job_lease (
    name    VARCHAR(64) NOT NULL,
    holder  VARCHAR(64) NOT NULL,
    until   DATETIME(6) NOT NULL,
    running TINYINT     NOT NULL DEFAULT 0,
    CONSTRAINT pk_job_lease PRIMARY KEY (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
";

# Each rule can be broken, and says so: a rule that can't is none.

variables {
  kind = "production"
  posture = {
    database_in_two_zones = true
    database_is_verified  = true
    redis_fails_over      = true
    zones                 = 3
    ways_out              = 3
    tasks_min             = { registry = 1, orders = 2 }
    tasks_max             = { registry = 1, orders = 20 }
    connections_at_most   = 240
    max_connections       = 300
    backup_days           = 7
    log_days              = 30
    people_told           = 1
    deletion_protection   = true
    unpinned_images       = []
  }
}

run "all_kept" {
  command = plan

  assert {
    condition     = length(output.broken) == 0 && output.kept == 16
    error_message = join("; ", output.broken)
  }
}

run "all_of_production_broken" {
  command = plan

  variables {
    posture = {
      database_in_two_zones = false
      database_is_verified  = false
      redis_fails_over      = false
      zones                 = 1
      ways_out              = 2
      tasks_min             = { registry = 2, orders = 1 }
      tasks_max             = { registry = 2, orders = 0 }
      connections_at_most   = 241
      max_connections       = 300
      backup_days           = 0
      log_days              = 6
      people_told           = 0
      deletion_protection   = false
      unpinned_images       = ["orders"]
    }
  }

  assert {
    condition     = length(output.broken) == output.kept
    error_message = "Only these are broken: ${join("; ", output.broken)}"
  }
}

run "all_that_only_staging_has_broken" {
  command = plan

  # What production has is too much.
  variables {
    kind = "staging"
  }

  assert {
    condition = toset(output.broken) == toset([
      "One way out is enough", "One task of each program is enough", "It can be taken away and made again", "One database instance is enough",
    ])
    error_message = join("; ", output.broken)
  }
}

run "there_are_two_kinds" {
  command = plan

  variables {
    kind = "test"
  }

  expect_failures = [var.kind]
}

mock_provider "aws" {}

variables {
  name                   = "mall-test"
  vpc_id                 = "vpc-1"
  subnets                = ["subnet-1", "subnet-2"]
  clients_security_group = "sg-1"
  node_type              = "cache.r7g.large"
  nodes                  = 2
  auth_token             = "0123456789012345678901234567890123456789"
}

run "closed_and_encrypted" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled == true && aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true"
    error_message = "TLS, and encrypted disks."
  }
  assert {
    condition     = nonsensitive(aws_elasticache_replication_group.this.auth_token) != null
    error_message = "It wants a password."
  }
}

run "it_fails_over" {
  command = plan

  assert {
    condition     = aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.automatic_failover_enabled
    error_message = "Another zone takes over."
  }
}

run "it_forgets_no_count" {
  command = plan

  assert {
    condition     = contains([for parameter in aws_elasticache_parameter_group.this.parameter : parameter.value if parameter.name == "maxmemory-policy"], "noeviction")
    error_message = "Full memory refuses writes."
  }
}

run "a_short_password_is_refused" {
  command = plan

  variables {
    auth_token = "short"
  }
  expect_failures = [var.auth_token]
}

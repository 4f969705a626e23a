mock_provider "aws" {}

variables {
  name                   = "mall-test"
  vpc_id                 = "vpc-1"
  subnets                = ["subnet-1", "subnet-2"]
  clients_security_group = "sg-1"
  instance_class         = "db.r7g.large"
  storage_gib            = 100
  multi_az               = true
  backup_days            = 14
  deletion_protection    = true
  performance_insights   = true
}

run "acknowledged_is_durable" {
  command = plan

  assert {
    condition = alltrue([for name in ["innodb_flush_log_at_trx_commit", "sync_binlog"] :
      contains([for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == name], "1")
    ])
    error_message = "A commit is on disk before it is acknowledged."
  }
  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.backup_retention_period == 14
    error_message = "In two zones, and restorable to a point in time."
  }
  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups
    error_message = "It is not deleted by mistake, nor are its backups."
  }
}

run "nobody_else_reads_it" {
  command = plan

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : parameter.value if parameter.name == "require_secure_transport"], "1")
    error_message = "Nobody talks to it in clear."
  }
  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "Encrypted, and out of the world's reach."
  }
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS makes the root password; no state holds it."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients.referenced_security_group_id == "sg-1" && aws_vpc_security_group_ingress_rule.clients.cidr_ipv4 == null
    error_message = "Its clients, by their group."
  }
}

run "no_backup_is_no_choice" {
  command = plan

  variables {
    backup_days = 0
  }
  expect_failures = [var.backup_days]
}

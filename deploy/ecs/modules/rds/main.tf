# MySQL: the truth. Every acknowledged order is in it, so a commit is on disk (in two zones, where multi_az says so) before it is
# acknowledged. The programs ask the server for that at every start and refuse one that is laxer.

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_security_group" "this" {
  name        = "${var.name}-mysql"
  description = "MySQL"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  security_group_id            = aws_security_group.this.id
  description                  = "the services that own a schema"
  referenced_security_group_id = var.clients_security_group
  ip_protocol                  = "tcp"
  from_port                    = 3306
  to_port                      = 3306
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  family      = "mysql8.4"

  dynamic "parameter" {
    for_each = local.parameters
    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "pending-reboot"
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  identifier     = var.name
  engine         = "mysql"
  engine_version = "8.4"
  instance_class = var.instance_class

  storage_type          = "gp3"
  allocated_storage     = var.storage_gib
  max_allocated_storage = var.storage_gib * 4
  storage_encrypted     = true

  username                    = "mall_root"
  manage_master_user_password = true

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  parameter_group_name            = aws_db_parameter_group.this.name
  enabled_cloudwatch_logs_exports = ["error", "slowquery"]

  multi_az                  = var.multi_az
  backup_retention_period   = var.backup_days
  backup_window             = "18:00-18:30" # 03:00 in Seoul
  maintenance_window        = "tue:19:00-tue:19:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = !var.deletion_protection
  final_snapshot_identifier = var.deletion_protection ? "${var.name}-final" : null

  auto_minor_version_upgrade   = true
  performance_insights_enabled = var.performance_insights
}

locals {
  parameters = {
    # Law 3: acknowledged means durable.
    innodb_flush_log_at_trx_commit = "1"
    sync_binlog                    = "1"
    # Nobody talks to it in clear.
    require_secure_transport = "1"
    character_set_server     = "utf8mb4"
    slow_query_log           = "1"
    long_query_time          = "1"
    log_output               = "FILE"
  }
}

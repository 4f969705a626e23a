# Who may talk to whom. A task has one group for being a program of the mall, and one more for each thing that it may reach.

resource "aws_security_group" "this" {
  for_each = {
    tasks         = "Programs of the mall: they reach each other"
    gateway       = "The gateway: the load balancer reaches it"
    mysql-clients = "May reach MySQL"
    redis-clients = "May reach Redis"
  }
  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = module.network.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "each_other" {
  security_group_id            = aws_security_group.this["tasks"].id
  description                  = "programs call each other"
  referenced_security_group_id = aws_security_group.this["tasks"].id
  ip_protocol                  = "tcp"
  from_port                    = 8000
  to_port                      = 8999
}

resource "aws_vpc_security_group_egress_rule" "each_other" {
  security_group_id            = aws_security_group.this["tasks"].id
  description                  = "programs call each other"
  referenced_security_group_id = aws_security_group.this["tasks"].id
  ip_protocol                  = "tcp"
  from_port                    = 8000
  to_port                      = 8999
}

resource "aws_vpc_security_group_egress_rule" "world" {
  for_each          = { https = 443, mail = var.mail.port }
  security_group_id = aws_security_group.this["tasks"].id
  description       = each.key == "https" ? "images, logs, secrets, payment providers" : "the mail server"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_security_group_ingress_rule" "gateway" {
  security_group_id            = aws_security_group.this["gateway"].id
  description                  = "the load balancer"
  referenced_security_group_id = module.alb.security_group
  ip_protocol                  = "tcp"
  from_port                    = local.programs["gateway"].port
  to_port                      = local.programs["gateway"].port
}

resource "aws_vpc_security_group_egress_rule" "mysql" {
  security_group_id            = aws_security_group.this["mysql-clients"].id
  description                  = "MySQL"
  referenced_security_group_id = module.rds.security_group
  ip_protocol                  = "tcp"
  from_port                    = 3306
  to_port                      = 3306
}

resource "aws_vpc_security_group_egress_rule" "redis" {
  security_group_id            = aws_security_group.this["redis-clients"].id
  description                  = "Redis"
  referenced_security_group_id = module.redis.security_group
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

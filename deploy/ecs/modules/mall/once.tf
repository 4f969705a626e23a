# Tasks that an operator runs once in a while, by `mall-deploy`: `database-setup` makes schemas and their users, before the first migrations and
# to bring a changed password into MySQL; `audit` says whether the books are right; `empty-redis` empties Redis, where nobody can
# type otherwise. Each has a role of its own that reads what it needs, and reaches what it needs.

locals {
  schemas = sort([for program, one in local.shapes : "mall_${program}" if one.mysql])

  once = {
    database-setup = {
      image  = var.mysql_client_image
      script = file("${path.module}/database-setup.sh")
      reads  = concat([module.rds.root_secret_arn], [for name, arn in module.secrets.arns : arn if startswith(name, "database-")])
      groups = ["mysql-clients"]
      environment = {
        MYSQL_HOST = module.rds.address
        MYSQL_CA   = var.database_ca
        SCHEMAS    = join(" ", local.schemas)
      }
      secrets = merge(
        {
          # The only one that knows root.
          ROOT_USER      = "${module.rds.root_secret_arn}:username::"
          ROOT_PASSWORD  = "${module.rds.root_secret_arn}:password::"
          AUDIT_PASSWORD = local.secret["database-audit"]
        },
        { for schema in local.schemas : "PASSWORD_${schema}" => local.secret["database-${trimprefix(schema, "mall_")}"] },
      )
    }
    audit = {
      image  = var.images["audit"]
      script = null
      reads  = [local.secret["database-audit"], local.secret["redis"]]
      groups = ["mysql-clients", "redis-clients"]
      environment = {
        MALL_AUDIT_MYSQL    = "mysql://mall_audit@${module.rds.address}:3306?ssl-mode=${var.database_ca == "" ? "REQUIRED" : "VERIFY_IDENTITY"}"
        MALL_AUDIT_MYSQL_CA = var.database_ca
        MALL_AUDIT_REDIS    = "rediss://${module.redis.address}:6379/"
      }
      secrets = {
        MALL_AUDIT_MYSQL_PASSWORD = local.secret["database-audit"]
        MALL_AUDIT_REDIS_PASSWORD = local.secret["redis"]
      }
    }
    empty-redis = {
      image       = var.redis_client_image
      script      = file("${path.module}/empty-redis.sh")
      reads       = [local.secret["redis"]]
      groups      = ["redis-clients"]
      environment = { REDIS_HOST = module.redis.address }
      secrets     = { REDISCLI_AUTH = local.secret["redis"] }
    }
  }
}

resource "aws_ecs_task_definition" "once" {
  for_each                 = local.once
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = module.once_role[each.key].arn
  skip_destroy             = var.deletion_protection

  container_definitions = jsonencode([merge(
    {
      name        = each.key
      image       = each.value.image
      essential   = true
      memory      = 512
      environment = [for name in sort(keys(each.value.environment)) : { name = name, value = each.value.environment[name] }]
      secrets     = [for name in sort(keys(each.value.secrets)) : { name = name, valueFrom = each.value.secrets[name] }]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = module.observability.log_groups[each.key]
          awslogs-region        = var.region
          awslogs-stream-prefix = each.key
        }
      }
    },
    # Without a script the image's own program runs.
    { for key, value in { entryPoint = ["sh", "-ec"], command = [each.value.script] } : key => value if each.value.script != null },
  )])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }
}

module "once_role" {
  source     = "../task-role"
  for_each   = local.once
  name       = "${var.name}-${each.key}"
  account_id = var.account_id
  start = {
    log_group_arn = module.observability.log_group_arns[each.key]
    secret_arns   = each.value.reads
    # The others run public images.
    repository_arn = each.key == "audit" ? "arn:aws:ecr:${var.region}:${var.account_id}:repository/${var.repository_prefix}/audit" : null
  }
}

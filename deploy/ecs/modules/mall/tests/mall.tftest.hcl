# The mall in one environment. The provider is a mock: nothing is asked of AWS.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name                = "mall-test"
  region              = "ap-northeast-2"
  account_id          = "111122223333"
  profile             = "test"
  network             = { cidr = "10.40.0.0/16", zones = ["ap-northeast-2a", "ap-northeast-2c"], nat_per_zone = true }
  certificate_arn     = "arn:aws:acm:ap-northeast-2:111122223333:certificate/00000000-0000-0000-0000-000000000000"
  address             = "https://mall.example"
  database            = { instance_class = "db.r7g.large", storage_gib = 100, multi_az = true, backup_days = 14, performance_insights = true, max_connections = 1000 }
  database_ca         = "-----BEGIN CERTIFICATE-----"
  redis               = { node_type = "cache.r7g.large", nodes = 2 }
  redis_auth_token    = "0123456789012345678901234567890123456789"
  mail                = { host = "smtp.example", port = 587, from = "no-reply@mall.example", starttls = true }
  log_days            = 30
  alarm_mails         = ["operators@mall.example"]
  deletion_protection = true
  github              = { sub_prefix = "repo:example/mall", environment = "production", oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
  images = { for program in ["config-server", "registry", "gateway", "users", "products", "carts", "orders", "payments", "stock", "audit"] :
    program => "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/mall/${program}@sha256:${sha256(program)}"
  }
}

run "local_is_no_profile_for_here" {
  command = plan

  variables {
    profile = "production,local"
  }
  expect_failures = [var.profile]
}

# One apply serves all: it takes seconds.
run "the_mall" {
  command = apply

  # Everything is encrypted on the way.
  assert {
    condition     = alltrue([for program, one in local.programs : startswith(local.environment[program].SPRING_DATA_REDIS_URL, "rediss://") if one.redis])
    error_message = "Redis is spoken to over TLS."
  }
  assert {
    condition     = alltrue([for program, one in local.programs : endswith(local.environment[program].SPRING_DATASOURCE_URL, "?sslMode=VERIFY_IDENTITY") if one.mysql])
    error_message = "MySQL too, and who answers is checked."
  }

  # No secret is a variable.
  assert {
    condition = alltrue(flatten([for variables in values(local.environment) :
      [for name in keys(variables) : !can(regex("PASSWORD|SECRET|_KEY|TOKEN", name))]
    ]))
    error_message = "What is secret comes from Secrets Manager."
  }
  assert {
    condition     = !can(local.environment_secrets["products"].JWT_SECRET) && can(local.environment_secrets["gateway"].JWT_SECRET)
    error_message = "Only gateway and users know what signs tokens."
  }
  assert {
    condition     = alltrue([for program, secrets in local.environment_secrets : !strcontains(jsonencode(secrets), "rds!db-root")])
    error_message = "No program knows MySQL's root."
  }

  # Tasks that run once.
  assert {
    condition = alltrue([for name, one in local.once :
      (strcontains(jsonencode(one.secrets), "rds!db-root") || contains(one.reads, module.rds.root_secret_arn)) == (name == "database-setup")
    ])
    error_message = "Only the set-up of the database knows MySQL's root."
  }
  assert {
    condition     = alltrue([for name, one in local.once : length(setsubtract([for secret in values(one.secrets) : join(":", slice(split(":", secret), 0, 7))], one.reads)) == 0])
    error_message = "Each may read what it is told."
  }
  assert {
    condition     = alltrue(flatten([for name, one in local.once : [for variable in keys(one.environment) : !can(regex("PASSWORD|AUTH", variable))]]))
    error_message = "No password of theirs is a variable."
  }
  assert {
    condition = (
      jsondecode(aws_ssm_parameter.deploy.value).once.audit.family == "mall-test-audit"
      && length(jsondecode(aws_ssm_parameter.deploy.value).once.audit.security_groups) == 3
      && length(aws_ssm_parameter.deploy.value) < 4096
    )
    error_message = "The deploy script knows them, and the parameter is not too long."
  }

  # A deploy goes from the called to the callers.
  assert {
    condition     = toset(flatten(jsondecode(aws_ssm_parameter.deploy.value).order)) == toset(keys(local.programs))
    error_message = "Every program is deployed."
  }
  assert {
    condition = (
      local.release_order[0] == ["config-server"] && local.release_order[1] == ["registry"]
      && contains(local.release_order[2], "stock") && contains(local.release_order[3], "orders")
      && local.release_order[length(local.release_order) - 1] == ["gateway"]
    )
    error_message = "The gateway is the last, what it calls is there before."
  }
  assert {
    condition     = toset(keys(jsondecode(aws_ssm_parameter.deploy.value).migrations)) == toset(["carts", "orders", "payments", "products", "stock", "users"])
    error_message = "Every schema is migrated before."
  }

  # The deploy role may deploy.
  assert {
    condition = alltrue(flatten([for statement in jsondecode(local.deploy_policy).Statement :
      [for action in statement.Action : !strcontains(action, "*")]
    ]))
    error_message = "No action with a wildcard."
  }
  assert {
    condition = alltrue([for statement in jsondecode(local.deploy_policy).Statement :
      toset(statement.Action) == toset(["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]) if jsonencode(statement.Resource) == "\"*\""
    ])
    error_message = "Everything that knows a resource is bound to one."
  }
  assert {
    condition = alltrue([for statement in jsondecode(local.deploy_policy).Statement :
      statement.Condition.StringEquals["iam:PassedToService"] == "ecs-tasks.amazonaws.com" && length([for arn in statement.Resource : arn if strcontains(arn, "*")]) == 0
      if statement.Sid == "PassRoles"
    ])
    error_message = "It passes on the roles of tasks, to tasks."
  }
  assert {
    condition     = !strcontains(local.deploy_policy, "secretsmanager") && !strcontains(local.deploy_policy, "iam:Create")
    error_message = "It reads no secret and makes no role."
  }
  assert {
    condition     = !strcontains(local.deploy_policy, "database-setup") && !strcontains(local.deploy_policy, "empty-redis")
    error_message = "MySQL's root, and what Redis knows, are beyond the pipeline."
  }
  assert {
    condition     = toset(local.role_arns) == toset(concat([for program in keys(local.programs) : "arn:aws:iam::111122223333:role/mall-test-${program}-execution"], [for program in keys(local.programs) : "arn:aws:iam::111122223333:role/mall-test-${program}-task"], ["arn:aws:iam::111122223333:role/mall-test-audit"]))
    error_message = "The names that the modules give."
  }

  # Somebody is told.
  assert {
    condition     = length(setsubtract(["mall-test-gateway-5xx", "mall-test-books", "mall-test-mysql-disk", "mall-test-orders-errors", "mall-test-orders-tasks", "mall-test-redis-memory-mall-test-001"], module.observability.alarm_names)) == 0
    error_message = "Alarms for the door, the books, disks, logs and tasks."
  }

  # Doors open to one neighbour.
  assert {
    condition     = aws_vpc_security_group_ingress_rule.gateway.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.each_other.cidr_ipv4 == null
    error_message = "No address range may come in, only groups."
  }
}

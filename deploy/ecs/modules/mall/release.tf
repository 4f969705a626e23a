# What the deploy scripts must know, and what GitHub's runners may do with it.

resource "aws_ssm_parameter" "deploy" {
  name        = "/mall/${var.name}/deploy"
  description = "Read by deploy/ecs/bin/mall-deploy"
  type        = "String"
  value = jsonencode({
    name       = var.name
    cluster    = module.cluster.name
    address    = var.address
    order      = local.release_order
    tasks      = { for program, one in local.programs : program => one.tasks_min }
    families   = { for program in keys(local.programs) : program => "${var.name}-${program}" }
    migrations = { for program, one in local.programs : program => "${var.name}-${program}-migrate" if one.mysql }
    once = { for name, one in local.once : name => {
      family          = aws_ecs_task_definition.once[name].family
      security_groups = [for group in concat(["tasks"], one.groups) : aws_security_group.this[group].id]
    } }
    network = {
      subnets         = module.network.private_subnets
      security_groups = [aws_security_group.this["tasks"].id, aws_security_group.this["mysql-clients"].id]
    }
    drops = var.drops
  })
}

module "github" {
  source            = "../iam"
  sub_prefix        = var.github.sub_prefix
  oidc_provider_arn = var.github.oidc_provider_arn
  roles = {
    "${var.name}-deploy" = {
      environment = var.github.environment
      description = "Deploys ${var.name}: no image, no secret and no network is changed by it"
      policy      = local.deploy_policy
    }
  }
}

locals {
  arn = "arn:aws:ecs:${var.region}:${var.account_id}"
  # Written out, not read from the roles: a policy that follows the naming is readable in a plan.
  role_arns = concat(
    flatten([for program in keys(local.programs) : [
      for kind in ["execution", "task"] : "arn:aws:iam::${var.account_id}:role/${var.name}-${program}-${kind}"
    ]]),
    # Of the tasks that run once a release renews the audit's only; what knows MySQL's root is an operator's to run.
    ["arn:aws:iam::${var.account_id}:role/${var.name}-audit"],
  )

  deploy_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "TaskDefinitions"
        Effect = "Allow"
        # These know no resource; what a task may do is bounded by the roles that can be passed on, below.
        Action   = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]
        Resource = "*"
      },
      {
        Sid      = "Services"
        Effect   = "Allow"
        Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
        Resource = "${local.arn}:service/${var.name}/*"
      },
      {
        Sid       = "OneOffTasks"
        Effect    = "Allow"
        Action    = ["ecs:RunTask"]
        Resource  = [for program, one in local.programs : "${local.arn}:task-definition/${var.name}-${program}-migrate:*" if one.mysql]
        Condition = { ArnEquals = { "ecs:cluster" = "${local.arn}:cluster/${var.name}" } }
      },
      {
        Sid      = "WatchTasks"
        Effect   = "Allow"
        Action   = ["ecs:DescribeTasks", "ecs:StopTask"]
        Resource = "${local.arn}:task/${var.name}/*"
      },
      {
        Sid       = "PassRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = local.role_arns
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid      = "ReadSettings"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = "arn:aws:ssm:${var.region}:${var.account_id}:parameter/mall/${var.name}/*"
      },
      {
        Sid      = "RememberReleases"
        Effect   = "Allow"
        Action   = ["ssm:PutParameter"]
        Resource = "arn:aws:ssm:${var.region}:${var.account_id}:parameter/mall/${var.name}/release/*"
      },
      {
        Sid      = "ReadLogs"
        Effect   = "Allow"
        Action   = ["logs:GetLogEvents"]
        Resource = "arn:aws:logs:${var.region}:${var.account_id}:log-group:/mall/${var.name}/*"
      },
    ]
  })
}

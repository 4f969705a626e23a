mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name       = "mall-test-orders-execution"
  account_id = "111122223333"
  start = {
    log_group_arn  = "arn:aws:logs:ap-northeast-2:111122223333:log-group:/mall/mall-test/orders"
    secret_arns    = ["arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:mall-test/database-orders-AbCdEf"]
    repository_arn = "arn:aws:ecr:ap-northeast-2:111122223333:repository/mall/orders"
  }
}

run "it_is_for_tasks_of_this_account" {
  command = plan

  assert {
    condition = (
      one(jsondecode(aws_iam_role.this.assume_role_policy).Statement).Principal == { Service = "ecs-tasks.amazonaws.com" }
      && one(jsondecode(aws_iam_role.this.assume_role_policy).Statement).Condition.StringEquals["aws:SourceAccount"] == "111122223333"
    )
    error_message = "Nobody but ECS takes it on, and for no other account."
  }
}

run "starting_takes_little" {
  command = plan

  assert {
    condition = alltrue([for statement in jsondecode(local.start).Statement :
      alltrue([for action in statement.Action : !strcontains(action, "*")])
    ])
    error_message = "No action with a wildcard."
  }
  assert {
    condition = alltrue([for statement in jsondecode(local.start).Statement :
      statement.Action == ["ecr:GetAuthorizationToken"] if jsonencode(statement.Resource) == "\"*\""
    ])
    error_message = "Everything that knows a resource is bound to one."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(local.start).Statement : statement.Resource if statement.Sid == "ReadSecrets"])) == toset(var.start.secret_arns)
    error_message = "Its own secrets, no others."
  }
}

run "without_secrets_and_with_a_public_image" {
  command = plan

  variables {
    start = { log_group_arn = "arn:aws:logs:ap-northeast-2:111122223333:log-group:/mall/some", secret_arns = [] }
  }
  assert {
    condition     = jsondecode(local.start).Statement[*].Sid == ["WriteLog"]
    error_message = "It writes its log."
  }
}

run "a_programs_own_role_may_nothing" {
  command = plan

  variables {
    start = null
  }
  assert {
    condition     = length(aws_iam_role_policy.start) == 0
    error_message = "A program calls nothing of AWS."
  }
}

# What is true of every program's service. The provider is a mock: nothing is asked of AWS.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name            = "mall-test"
  program         = "orders"
  region          = "ap-northeast-2"
  account_id      = "111122223333"
  image           = "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/mall/orders@sha256:0123456789012345678901234567890123456789012345678901234567890123"
  repository_arn  = "arn:aws:ecr:ap-northeast-2:111122223333:repository/mall/orders"
  architecture    = "ARM64"
  cpu             = 512
  memory          = 1024
  port            = 8012
  environment     = { SERVER_PORT = "8012" }
  migrates        = true
  running         = true
  tasks_min       = 2
  tasks_max       = 8
  drops           = { spring = { opens_at = "2027-03-01T03:00:00Z", closes_at = "2027-03-01T05:00:00Z", times = 5 } }
  cluster_arn     = "arn:aws:ecs:ap-northeast-2:111122223333:cluster/mall-test"
  cluster_name    = "mall-test"
  namespace_arn   = "arn:aws:servicediscovery:ap-northeast-2:111122223333:namespace/ns-1"
  subnets         = ["subnet-1", "subnet-2"]
  security_groups = ["sg-1"]
  log_group       = "/mall/mall-test/orders"
  log_group_arn   = "arn:aws:logs:ap-northeast-2:111122223333:log-group:/mall/mall-test/orders"
  rollback_alarms = ["mall-test-orders-errors"]
  keep_revisions  = true
  secrets = {
    CONFIG_SERVER_URL          = "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:mall-test/config-server-AbCdEf:url::"
    SPRING_DATASOURCE_PASSWORD = "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:mall-test/database-orders-AbCdEf"
  }
}

run "a_bad_deployment_is_taken_back" {
  command = plan

  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
    error_message = "The circuit breaker is on and rolls back."
  }
  assert {
    condition     = aws_ecs_service.this.alarms[0].rollback && contains(aws_ecs_service.this.alarms[0].alarm_names, "mall-test-orders-errors")
    error_message = "Errors in the log take a deployment back."
  }
  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.deployment_maximum_percent == 200
    error_message = "New tasks are there before old ones go."
  }
}

run "tasks_are_out_of_reach" {
  command = plan

  assert {
    condition     = aws_ecs_service.this.network_configuration[0].assign_public_ip == false
    error_message = "No task has an address in the world."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    error_message = "Nothing can be written into a container."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"]
    error_message = "A program needs no capability."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "10001:10001"
    error_message = "No program runs as root."
  }
  assert {
    condition     = !strcontains(aws_ecs_task_definition.this.container_definitions, "PASSWORD\",\"value\"")
    error_message = "A password is a secret, not a variable."
  }
}

run "images_are_named_by_digest" {
  command = plan

  variables {
    image = "111122223333.dkr.ecr.ap-northeast-2.amazonaws.com/mall/orders:latest"
  }
  expect_failures = [var.image]
}

run "migrations_need_nobody_but_the_database" {
  command = plan

  assert {
    condition     = jsondecode(aws_ecs_task_definition.migrate[0].container_definitions)[0].command == ["migrate"]
    error_message = "The sub-command is migrate."
  }
  assert {
    condition     = !strcontains(aws_ecs_task_definition.migrate[0].container_definitions, "CONFIG_SERVER_URL")
    error_message = "A task outside a service can't reach the config server by name."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.migrate[0].container_definitions)[0].image == var.image
    error_message = "Migrations come from the image that needs them."
  }
}

run "it_grows_with_the_load_and_before_a_drop" {
  command = plan

  assert {
    condition     = aws_appautoscaling_target.this[0].min_capacity == 2 && aws_appautoscaling_target.this[0].max_capacity == 8
    error_message = "Between the least and the most."
  }
  assert {
    condition     = aws_appautoscaling_scheduled_action.before["spring"].schedule == "at(2027-03-01T02:30:00)"
    error_message = "Half an hour before."
  }
  assert {
    condition     = aws_appautoscaling_scheduled_action.before["spring"].scalable_target_action[0].min_capacity == "8"
    error_message = "Five times two, but not more than the most."
  }
  assert {
    condition     = aws_appautoscaling_scheduled_action.after["spring"].scalable_target_action[0].min_capacity == "2"
    error_message = "And back."
  }
}

run "there_is_one_registry" {
  command = plan

  variables {
    program       = "registry"
    singleton     = true
    found_by_name = true
    migrates      = false
    tasks_min     = 1
    tasks_max     = 1
  }
  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 0 && aws_ecs_service.this.deployment_maximum_percent == 100
    error_message = "The old one goes before the new one comes: two would each know half."
  }
  assert {
    condition     = aws_ecs_service.this.desired_count == 1 && length(aws_appautoscaling_target.this) == 0
    error_message = "Nothing makes it two."
  }
  assert {
    condition     = one(aws_ecs_service.this.service_connect_configuration[0].service[0].client_alias[*].dns_name) == "registry"
    error_message = "Its name is registry."
  }
}

run "nothing_runs_before_the_first_deploy" {
  command = plan

  variables {
    running = false
  }
  assert {
    condition     = aws_ecs_service.this.desired_count == 0 && length(aws_appautoscaling_target.this) == 0
    error_message = "No task starts on a database without schemas."
  }
}

run "a_role_reads_the_secrets_of_its_program" {
  command = plan

  assert {
    condition = toset(local.secret_arns) == toset([
      "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:mall-test/config-server-AbCdEf",
      "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:mall-test/database-orders-AbCdEf",
    ])
    error_message = "Whole secrets, though a variable may be one field of one."
  }
}

# One program of the mall as a Fargate service: its roles, its task definition (and that of its migrations), its service and its
# scaling. Terraform makes the first revision of a task definition; every deploy registers another one that differs in the image
# only. So what Terraform changes here reaches the tasks with the next deploy, after its migrations, behind the circuit breaker.

locals {
  full_name = "${var.name}-${var.program}"

  container = {
    name      = var.program
    image     = var.image
    essential = true
    cpu       = 0
    # The image's ENTRYPOINT is the program.
    command                = []
    memory                 = var.memory
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    # A stop: out of the registry, 20 s for what is in flight, background tasks, connections.
    stopTimeout = 60
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { add = [], drop = ["ALL"] }
    }
    ulimits = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
    portMappings = [{
      name          = var.program
      containerPort = var.port
      hostPort      = var.port
      protocol      = "tcp"
      appProtocol   = "http"
    }]
    environment = [for key in sort(keys(var.environment)) : { name = key, value = var.environment[key] }]
    secrets     = [for key in sort(keys(var.secrets)) : { name = key, valueFrom = var.secrets[key] }]
    healthCheck = {
      command     = ["CMD", "/program", "healthcheck"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.log_group
        awslogs-region        = var.region
        awslogs-stream-prefix = var.program
        # A slow log must not stop the shop.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
    mountPoints    = []
    volumesFrom    = []
    systemControls = []
  }

  # No Service Connect outside services, so migrations live without the config server: what they need is in their environment.
  migration = merge(local.container, {
    name         = "migrate"
    command      = ["migrate"]
    portMappings = []
    healthCheck  = null
    environment = [
      for key in sort(keys(var.environment)) : { name = key, value = var.environment[key] }
    ]
    secrets = [
      for key in sort(keys(var.secrets)) : { name = key, valueFrom = var.secrets[key] } if key != "CONFIG_SERVER_URL"
    ]
  })

  # ECS names a secret, or one field of it: arn:field::
  secret_arns = distinct([for value in values(var.secrets) : join(":", slice(split(":", value), 0, 7))])
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.full_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = module.execution_role.arn
  task_role_arn            = module.task_role.arn
  container_definitions    = jsonencode([local.container])
  # Tasks of a revision that Terraform replaced may still run, and a rollback may want it.
  skip_destroy = var.keep_revisions

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }
}

resource "aws_ecs_task_definition" "migrate" {
  count                    = var.migrates ? 1 : 0
  family                   = "${local.full_name}-migrate"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = module.execution_role.arn
  task_role_arn            = module.task_role.arn
  container_definitions    = jsonencode([merge({ for key, value in local.migration : key => value if value != null }, { memory = 512 })])
  skip_destroy             = var.keep_revisions

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }
}

resource "aws_ecs_service" "this" {
  name            = var.program
  cluster         = var.cluster_arn
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = var.running ? var.tasks_min : 0
  launch_type     = "FARGATE"
  propagate_tags  = "SERVICE"

  # A singleton is stopped before its successor starts: two registries would each know half of the mall.
  deployment_minimum_healthy_percent = var.singleton ? 0 : 100
  deployment_maximum_percent         = var.singleton ? 100 : 200
  availability_zone_rebalancing      = var.singleton ? "DISABLED" : "ENABLED"
  health_check_grace_period_seconds  = var.target_group_arn == null ? null : 60

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "alarms" {
    for_each = length(var.rollback_alarms) > 0 ? [1] : []
    content {
      enable      = true
      rollback    = true
      alarm_names = var.rollback_alarms
    }
  }

  network_configuration {
    subnets          = var.subnets
    security_groups  = var.security_groups
    assign_public_ip = false
  }

  service_connect_configuration {
    enabled   = true
    namespace = var.namespace_arn

    dynamic "service" {
      for_each = var.found_by_name ? [1] : []
      content {
        port_name      = var.program
        discovery_name = var.program

        client_alias {
          dns_name = var.program
          port     = var.port
        }
      }
    }
  }

  dynamic "load_balancer" {
    for_each = var.target_group_arn == null ? [] : [1]
    content {
      target_group_arn = var.target_group_arn
      container_name   = var.program
      container_port   = var.port
    }
  }

  lifecycle {
    # The deploy's and the scaling's to say.
    ignore_changes = [task_definition, desired_count]
  }
}

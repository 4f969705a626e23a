# Schemas and their users are made by a task of its own, the only one that knows the root login of MySQL. It runs before the first
# migrations, and again to bring a changed password into MySQL.

locals {
  schemas = sort([for program, one in local.shapes : "mall_${program}" if one.mysql])
}

resource "aws_ecs_task_definition" "database_setup" {
  family                   = "${var.name}-database-setup"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.database_setup.arn
  skip_destroy             = var.deletion_protection

  container_definitions = jsonencode([{
    name       = "database-setup"
    image      = var.mysql_client_image
    essential  = true
    memory     = 512
    entryPoint = ["sh", "-ec"]
    command    = [file("${path.module}/database-setup.sh")]
    environment = [
      { name = "MYSQL_HOST", value = module.rds.address },
      { name = "MYSQL_CA", value = var.database_ca },
      { name = "SCHEMAS", value = join(" ", local.schemas) },
    ]
    secrets = concat(
      [
        { name = "ROOT_USER", valueFrom = "${module.rds.root_secret_arn}:username::" },
        { name = "ROOT_PASSWORD", valueFrom = "${module.rds.root_secret_arn}:password::" },
      ],
      [for schema in local.schemas : {
        name = "PASSWORD_${schema}", valueFrom = local.secret["database-${trimprefix(schema, "mall_")}"]
      }],
    )
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = module.observability.log_groups["database-setup"]
        awslogs-region        = var.region
        awslogs-stream-prefix = "database-setup"
      }
    }
  }])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }
}

resource "aws_iam_role" "database_setup" {
  name = "${var.name}-database-setup"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "database_setup" {
  name = "start"
  role = aws_iam_role.database_setup.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${module.observability.log_group_arns["database-setup"]}:*"
      },
      {
        Sid    = "ReadSecrets"
        Effect = "Allow"
        Action = ["secretsmanager:GetSecretValue"]
        Resource = concat(
          [module.rds.root_secret_arn],
          [for name, arn in module.secrets.arns : arn if startswith(name, "database-")],
        )
      },
    ]
  })
}

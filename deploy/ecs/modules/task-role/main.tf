# A role that ECS, and nobody else, takes on for tasks of this account. With `start` it is an execution role: ECS's own while it starts a
# task, which may fetch one image, write to one log and read what the task is told. Without, it is a program's: it calls nothing of AWS
# and may nothing.

resource "aws_iam_role" "this" {
  name = var.name
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

resource "aws_iam_role_policy" "start" {
  count  = var.start == null ? 0 : 1
  name   = "start"
  role   = aws_iam_role.this.id
  policy = local.start
}

locals {
  start = var.start == null ? null : jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid      = "WriteLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${var.start.log_group_arn}:*"
      }],
      length(var.start.secret_arns) == 0 ? [] : [{
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = var.start.secret_arns
      }],
      # An image of ours; a public one asks nobody's leave.
      var.start.repository_arn == null ? [] : [
        {
          Sid    = "LogInToRegistry"
          Effect = "Allow"
          # Knows no resource.
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = "*"
        },
        {
          Sid      = "FetchImage"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = var.start.repository_arn
        },
      ],
    )
  })
}

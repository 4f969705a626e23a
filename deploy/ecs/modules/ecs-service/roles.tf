# Two roles for each program: ECS's, while it starts a task, and the program's own.

module "execution_role" {
  source     = "../task-role"
  name       = "${local.full_name}-execution"
  account_id = var.account_id
  start = {
    log_group_arn  = var.log_group_arn
    secret_arns    = local.secret_arns
    repository_arn = var.repository_arn
  }
}

module "task_role" {
  source     = "../task-role"
  name       = "${local.full_name}-task"
  account_id = var.account_id
}

variable "name" {
  type = string
}

variable "account_id" {
  type = string
}

variable "start" {
  description = "What ECS needs to start a task; null: the role may nothing."
  type = object({
    log_group_arn  = string
    secret_arns    = list(string)
    repository_arn = optional(string)
  })
  default = null
}

variable "name" {
  type = string
}

variable "region" {
  type = string
}

variable "programs" {
  type = set(string)
}

variable "tasks_min" {
  description = "Program to the least number of its tasks."
  type        = map(number)
}

variable "log_days" {
  type = number
}

variable "alarm_mails" {
  description = "Who is told. Each address gets a mail that asks it to confirm."
  type        = list(string)
}

variable "cluster_name" {
  type = string
}

variable "alb" {
  description = "The end of its ARN."
  type        = string
}

variable "target_group" {
  description = "The end of its ARN."
  type        = string
}

variable "database" {
  type = string
}

variable "database_connections" {
  description = "Most connections of the instance class."
  type        = number
}

variable "redis_members" {
  type = list(string)
}

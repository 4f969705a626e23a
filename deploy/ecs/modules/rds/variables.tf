variable "name" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnets" {
  type = list(string)
}

variable "clients_security_group" {
  type = string
}

variable "instance_class" {
  type = string
}

variable "storage_gib" {
  type = number
}

variable "multi_az" {
  type = bool
}

variable "backup_days" {
  description = "How far back a point in time can be restored."
  type        = number

  validation {
    condition     = var.backup_days >= 1
    error_message = "Without backups there is no binary log, and a lost database is lost."
  }
}

variable "deletion_protection" {
  type = bool
}

variable "performance_insights" {
  description = "Not every small instance class has it."
  type        = bool
}
